"""From trials to candidates: order, ties, what is missing, and what is said of it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handstitch.randomness import Purpose, generator
from handstitch.search import summary
from handstitch.search.ranking import rank
from tests.synthetic_trials import epochs, search, trial


def table(*means, seeds=5, deviation=0.004, seed=0):
    rng = generator(seed, Purpose.SKETCH)
    return np.array(means)[:, None] + rng.normal(0, deviation, (len(means), seeds))


def importance(trials):
    return rank(trials).importance


def words(ranking):
    return " ".join(summary.sentences(ranking))


class TestOrder:
    def test_candidates_are_sorted_by_their_mean(self):
        ranking = rank(search(table(0.80, 0.90, 0.85)))
        assert [each.number for each in ranking.candidates] == [1, 2, 0]
        assert ranking.winner == 1
        assert ranking.indistinguishable == [1]
        assert [each.indistinguishable for each in ranking.candidates] == [True, False, False]
        assert "Over 5 seeds every other candidate is significantly lower" in words(ranking)

    def test_figures_of_a_candidate(self):
        (only,) = rank(search([[0.8, 0.9, 0.85]])).candidates
        assert only.mean == pytest.approx(0.85)
        assert only.seeds == [100, 101, 102]
        assert only.deviation == pytest.approx(0.05)
        # t(2) = 4.303; 0.05/√3
        assert only.interval == pytest.approx((0.7258, 0.9742), abs=1e-4)
        assert only.validation_error == pytest.approx((0.85 * 0.15 / 6000) ** 0.5)

    def test_best_epoch_and_last_epoch_may_disagree(self):
        late, early = [0.5, 0.6, 0.7], [0.5, 0.8, 0.6]
        trials = [trial(0, r, epochs(late)) for r in range(3)]
        trials += [trial(1, r, epochs(early)) for r in range(3)]
        by_best, by_last = rank(trials), rank(trials, "last")
        assert (by_best.winner, by_last.winner) == (1, 0)
        assert by_best.winner_by_last_epoch == by_last.winner_by_last_epoch == 0
        best = by_best.candidates[0]
        assert best.best_epoch_accuracy == pytest.approx(0.8)
        assert best.last_epoch_accuracy == pytest.approx(0.6)
        assert "by last epoch --learning-rate 0 is" not in words(by_best)
        assert "By best epoch --learning-rate 1 is highest, by last epoch --learning-rate 0." in (
            words(by_best)
        )

    def test_the_order_of_trials_does_not_matter(self):
        trials = search(table(0.88, 0.89, 0.90, 0.885))
        shuffled = [trials[i] for i in generator(3, Purpose.SKETCH).permutation(len(trials))]
        assert msgspec.json.encode(rank(trials)) == msgspec.json.encode(rank(shuffled))

    def test_candidates_name_nothing_of_place_or_time(self):
        trials = search(table(0.88, 0.89))
        elsewhere = [
            msgspec.structs.replace(each, seconds=each.seconds * 7, threads=2) for each in trials
        ]
        assert msgspec.json.encode(rank(trials).candidates) == (
            msgspec.json.encode(rank(elsewhere).candidates)
        )
        names = set(msgspec.to_builtins(rank(trials).candidates[0]))
        assert names >= {"parameters", "seeds", "mean", "interval", "indistinguishable"}
        assert not [name for name in names if any(w in name for w in ("time", "path", "sec_"))]


ACCURACIES = st.tuples(st.integers(2, 8), st.integers(1, 6)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(0, 6000).map(lambda n: n / 6000))
)
"""Candidates × seeds: anything that 6,000 validation images can give."""


class TestNothingContradicts:
    @given(ACCURACIES)
    # TPE, 8 candidates × 2 seeds: 0.3033 and 0.2673 were tied, and 0.4923 called lower.
    @example(
        np.array([
            [0.6793, 0.7103], [0.6317, 0.6672], [0.5081, 0.4765], [0.3610, 0.3644],
            [0.3255, 0.3591], [0.2112, 0.3954], [0.2156, 0.3190], [0.1950, 0.2064],
        ])
    )  # fmt: skip
    @settings(deadline=None)
    def test_verdicts_follow_the_means_and_the_critical_difference(self, accuracies):
        ranking = rank(search(accuracies))
        indistinguishable = [each.mean for each in ranking.candidates if each.indistinguishable]
        lower = [each.mean for each in ranking.candidates if not each.indistinguishable]
        assert max(lower, default=0) <= min(indistinguishable)
        assert ranking.winner == ranking.candidates[0].number
        assert ranking.candidates[0].mean == max(indistinguishable)
        if ranking.critical_difference is not None:
            assert max(indistinguishable) - min(indistinguishable) <= ranking.critical_difference
            assert all(
                max(indistinguishable) - each >= ranking.critical_difference - 1e-12
                for each in lower
            )

    @given(ACCURACIES)
    @example(np.array([[0.21, 0.39], [0.68, 0.71]]))  # t(1) = 12.7: 0.0000 to 1.0000
    @settings(deadline=None)
    def test_an_interval_says_something(self, accuracies):
        for each in rank(search(accuracies)).candidates:
            if each.interval is not None:
                low, high = each.interval
                assert len(each.seeds) > 2
                assert 0 <= low <= each.mean <= high <= 1
                assert high - low <= 0.5

    @given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.data())
    @settings(deadline=None)
    def test_shares_of_a_full_grid_add_up_to_one_at_most(self, rates, decays, seeds, data):
        grid = [
            {"learning_rate": 0.1 + r, "weight_decay": 0.1 * d, "epochs": 3}
            for r in range(2 * rates)
            for d in range(2 * decays)
        ]
        shape = (len(grid), seeds)
        ranking = rank(search(data.draw(arrays(np.float64, shape, elements=st.floats(0, 1))), grid))
        assert not ranking.importance_overlaps
        assert sum(ranking.importance.values()) <= 1 + 1e-9

    def test_shares_that_overlap_are_called_so(self):
        means = np.linspace(0.5, 0.9, 16)
        together = [{"learning_rate": 0.1 + m, "dropout": float(m) / 2} for m in means]
        ranking = rank(search(table(*means, seeds=2), together))
        assert sum(ranking.importance.values()) > 1.5
        assert ranking.importance_overlaps

    def test_a_parameter_without_effect_gets_no_share_for_the_effect_of_another(self):
        """Two seeds of one candidate are alike: they are no two witnesses for its dropout."""
        rng = generator(0, Purpose.SKETCH)
        found = []
        for _ in range(60):
            rates, dropouts = rng.random(12), rng.random(12)
            drawn = [
                {"learning_rate": float(r), "dropout": float(d)}
                for r, d in zip(rates, dropouts, strict=True)
            ]
            found.append(importance(search(table(*(0.5 + rates / 4), seeds=2), drawn))["dropout"])
        assert np.median(found) < 0.05


class TestWhatIsMissing:
    def test_one_seed_ties_all(self):
        ranking = rank(search([[0.1], [0.9]]))
        assert [each.indistinguishable for each in ranking.candidates] == [True, True]
        assert ranking.candidates[0].interval is None
        assert ranking.selection_bias is None
        assert "inconclusive, all are indistinguishable" in words(ranking)

    def test_a_failed_trial_takes_its_candidate_out_of_the_comparison(self):
        trials = search(table(0.80, 0.95, 0.85))
        trials[7] = msgspec.structs.replace(
            trials[7], state="failed", history=[], problem="training diverged"
        )
        ranking = rank(trials)
        assert [each.number for each in ranking.candidates] == [2, 0, 1]
        lame = ranking.candidates[-1]
        assert lame.indistinguishable is None
        assert lame.seeds == [100, 101, 103, 104]
        assert lame.problem == "1 of 5 trials failed (training diverged)"
        assert ranking.failed == 1
        assert "1 candidate lacks finished trials" in words(ranking)

    def test_pruned_and_missing_trials_are_said(self):
        trials = search(table(0.80, 0.95, 0.85))
        trials[6] = msgspec.structs.replace(trials[6], state="pruned")
        ranking = rank([each for each in trials if each.number != 14])
        problems = {each.number: each.problem for each in ranking.candidates}
        assert problems == {
            0: "",
            1: "1 of 5 trials pruned",
            2: "1 of 5 trials not run yet",
        }
        assert ranking.winner == 0
        assert "Trials were pruned" in words(ranking)

    def test_a_candidate_that_always_failed_is_listed(self):
        trials = [
            msgspec.structs.replace(each, state="failed", history=[], problem="training diverged")
            if each.candidate == 1
            else each
            for each in search(table(0.80, 0.95, 0.85))
        ]
        ranking = rank(trials)
        (failed,) = ranking.failed_candidates
        assert (failed.number, failed.parameters) == (1, {"learning_rate": 1.0})
        assert failed.problem == "5 of 5 trials failed (training diverged)"

    def test_nothing_finished(self):
        failed = trial(0, 0, [], state="failed", problem="training diverged")
        for trials in ([], [failed]):
            ranking = rank(trials)
            assert (ranking.winner, ranking.candidates, ranking.indistinguishable) == (None, [], [])
            assert "nothing to compare" in words(ranking)

    def test_a_search_under_way_compares_what_it_has(self):
        trials = search(table(0.80, 0.95, 0.85))[:12]  # the third candidate has 2 of its 5
        ranking = rank(trials, seeds=5)
        assert ranking.winner == 1
        assert ranking.candidates[-1].problem == "3 of 5 trials not run yet"


class TestImportance:
    GRID = tuple((rate, decay) for rate in (1.0, 2.0, 3.0) for decay in (0.0, 0.2, 0.4))

    def test_what_matters_gets_the_share(self):
        parameters = [{"learning_rate": r, "weight_decay": d} for r, d in self.GRID]
        means = [0.9 - 0.1 * d for _, d in self.GRID]
        shares = importance(search(table(*means, deviation=0.001), parameters))
        assert list(shares) == ["weight_decay", "learning_rate"]
        assert shares["weight_decay"] > 0.95
        assert shares["learning_rate"] < 0.02

    def test_a_share_is_the_textbooks_omega_squared(self):
        # Two factors, each candidate once, so that Hays' formula is that of a one-way analysis.
        accuracies = np.array([[0.80, 0.82], [0.84, 0.83], [0.90, 0.91], [0.88, 0.93]])
        parameters = [{"optimizer": name, "epochs": 7} for name in ("a", "a", "b", "b")]
        values = accuracies - accuracies.mean(axis=0)
        groups = values.reshape(2, 4)
        between = 4 * float(np.sum(groups.mean(axis=1) ** 2))
        means = values.mean(axis=1).reshape(2, 2)
        within = 2 * float(np.sum((means - means.mean(axis=1, keepdims=True)) ** 2)) / (4 - 2)
        wanted = (between - within) / (float(np.sum(values**2)) + within)
        assert importance(search(accuracies, parameters)) == {"optimizer": pytest.approx(wanted)}

    def test_noise_is_no_importance(self):
        parameters = [{"learning_rate": r, "weight_decay": d} for r, d in self.GRID]
        found = [
            importance(search(table(*[0.9] * 9, seed=seed), parameters))["weight_decay"]
            for seed in range(100)
        ]
        assert np.mean(found) < 0.05

    def test_many_values_are_cut_into_quarters(self):
        rates = np.linspace(1, 2, 20)
        parameters = [{"learning_rate": float(rate), "hidden_sizes": [8]} for rate in rates]
        shares = importance(search(table(*(0.8 + 0.05 * rates), deviation=0.001), parameters))
        assert list(shares) == ["learning_rate"]  # hidden_sizes has one value
        assert 0.8 < shares["learning_rate"] < 1

    def test_many_networks_count_by_their_units(self):
        widths = [8 * n for n in range(1, 21)]
        parameters = [{"hidden_sizes": [n, n // 2], "dropout": n % 16 / 16} for n in widths]
        shares = importance(search(table(*(0.8 + n / 2000 for n in widths)), parameters))
        assert 0.6 < shares["hidden_sizes"] < 1
        assert shares["dropout"] < 0.1

    def test_too_little_to_say(self):
        assert importance(search([[0.9], [0.8]])) == {}
        assert importance(search([[0.9, 0.8]])) == {}
        assert importance([]) == {}


class TestWords:
    def test_ties_are_named(self):
        ranking = rank(search(table(0.900, 0.901, 0.80, seed=4)))
        assert sorted(ranking.indistinguishable) == [0, 1]
        said = words(ranking)
        assert "it is indistinguishable from 1 of the 2 others: only a difference of" in said

    def test_all_tied(self):
        ranking = rank(search(table(0.9, 0.9, 0.9, seed=1)))
        assert "it is indistinguishable from all 2 others" in words(ranking)

    def test_selection_bias_is_a_number(self):
        ranking = rank(search(table(*[0.9] * 12, seed=2)))
        assert ranking.selection_bias is not None
        assert ranking.selection_bias > 0
        assert "of the mean are selection bias" in words(ranking)

    def test_candidates_are_written_as_flags(self):
        written = summary.as_flags(
            {"hidden_sizes": [512, 256], "learning_rate": 0.00075, "stratified": False}
        )
        assert written == "--hidden 512,256 --learning-rate 0.00075 --no-stratified"
        assert summary.as_flags({"hidden_sizes": [300]}) == "--hidden 300,"  # 300: 300, 150
