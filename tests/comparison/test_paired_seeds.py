"""Two recipes over their seeds, held against SciPy, the ranking, simulations and recorded seeds."""

from __future__ import annotations

from copy import copy
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from handstitch.comparison import paired_seeds
from handstitch.search.statistics import indistinguishable_from_best
from tests.test_bench import load_module

DRAWS = 2000


def noise(*sizes: int, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [0.9 + 0.002 * rng.standard_normal(size) for size in sizes]


def test_the_paired_interval_is_students() -> None:
    first, second = noise(7, 7)
    found = paired_seeds.paired(first, second, 0.02)
    low, high = stats.ttest_rel(second, first).confidence_interval(0.98)
    assert found.interval == pytest.approx((low, high))
    assert found.freedom == 6


def test_the_unpaired_interval_is_welchs() -> None:
    first, second = noise(4, 9)
    found = paired_seeds.unpaired(first, second)
    test = stats.ttest_ind(second, first, equal_var=False)
    assert found.interval == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert found.freedom == pytest.approx(test.df)


def test_of_two_sides_the_verdict_is_that_of_the_ranking() -> None:
    verdicts = []
    for seed in range(60):
        first, second = noise(3 + seed % 4, 3 + seed % 4, seed=seed)
        second = second + 0.0008 * (seed % 6)
        low, high = paired_seeds.paired(first, second).interval or (0, 0)
        verdicts.append(low <= 0 <= high)
        assert all(indistinguishable_from_best(np.array([first, second]))) == verdicts[-1]
    assert 10 < sum(verdicts) < 50


def test_with_one_seed_nothing_is_known() -> None:
    for found in (
        paired_seeds.paired(*noise(1, 1)),
        paired_seeds.unpaired(*noise(1, 5)),
    ):
        assert (found.interval, found.deviation) == (None, None)
        assert paired_seeds.seeds_needed(found) is None
        assert paired_seeds.detectable(found, 1) is None


@pytest.mark.parametrize("is_paired", [True, False])
@pytest.mark.parametrize("n", [2, 5, 30])
def test_the_smallest_effect_is_found_in_eight_of_ten(n: int, is_paired: bool) -> None:
    effect = paired_seeds.smallest_effects(0.05, is_paired)[n - 2]
    rng = np.random.default_rng(n)
    first, second = rng.standard_normal((2, 20_000, n))
    if is_paired:
        p = stats.ttest_1samp(first + effect, 0, axis=1).pvalue
    else:
        p = stats.ttest_ind(first + effect, second, axis=1).pvalue
    assert np.mean(p < 0.05) == pytest.approx(0.8, abs=0.01)


def test_the_upper_deviation_is_above_the_true_one_in_eight_of_ten() -> None:
    drawn = np.random.default_rng(0).standard_normal((20_000, 4)).std(axis=1, ddof=1)
    assert np.mean(paired_seeds.upper_deviation(1.0, 3) * drawn > 1) == pytest.approx(0.8, abs=0.01)


def test_images_that_all_seeds_share_add_their_error() -> None:
    first, second = noise(5, 5)
    alone, both = (paired_seeds.paired(first, second, image_error=error) for error in (0, 0.002))
    assert alone.interval is not None
    assert both.interval is not None
    half = (both.interval[1] - both.interval[0]) / 2
    assert half > (alone.interval[1] - alone.interval[0]) / 2
    # With a spread of almost nothing, the images are all there is, and they are many.
    same = paired_seeds.paired(first, first + 1e-9 * np.arange(5), image_error=0.002)
    assert same.interval == pytest.approx((-1.96 * 0.002, 1.96 * 0.002), rel=1e-3)


def test_no_number_of_seeds_shows_what_the_images_hide() -> None:
    first, second = noise(5, 5)
    found = paired_seeds.paired(first, second + 0.001)
    assert found.deviation is not None
    assert (paired_seeds.seeds_needed(found) or 0) > 5
    hidden = found._replace(image_error=abs(found.mean))
    assert paired_seeds.seeds_needed(hidden) == paired_seeds.MOST + 1
    assert paired_seeds.seeds_needed(found._replace(mean=0.0)) is None
    # As many as asked for can tell it, even if the spread is the largest one that is likely.
    likely = found._replace(deviation=paired_seeds.upper_deviation(found.deviation, found.freedom))
    needed = paired_seeds.seeds_needed(found) or 0
    assert (paired_seeds.detectable(likely, needed) or 1) <= abs(found.mean)
    assert (paired_seeds.detectable(likely, needed - 1) or 0) > abs(found.mean)


@pytest.fixture(scope="module")
def recorded() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        module = load_module("compare", patch)
        return module.Recorded()


@pytest.mark.parametrize("part", ["validation", "test"])
def test_recorded_seeds_of_one_recipe_are_seldom_called_different(recorded: Any, part: str) -> None:
    assert recorded.seeds >= 40
    rng = np.random.default_rng(0)
    alarms = [recorded.draw(rng, part, 2 + at % 9, 0.0)[0] for at in range(DRAWS)]
    assert np.mean(alarms) <= 0.05


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_point_is_found_with_as_many_recorded_seeds_as_asked_for(
    recorded: Any, part: str
) -> None:
    """Two seeds miss it often, and ask for more; those then find it."""
    rng = np.random.default_rng(1)
    asked = [recorded.ask(rng, part, 2, 0.01) for _ in range(DRAWS // 4)]
    later = [found for first, found in asked if not first]
    assert len(later) > 5
    assert np.mean(later) >= 0.8
    assert np.mean([recorded.draw(rng, part, 3, 0.01)[0] for _ in range(200)]) >= 0.8


def test_the_recorded_error_of_the_images_is_that_of_answers(recorded: Any) -> None:
    """Of random answers: from how often two are right at once follows the error of their mean."""
    right = np.random.default_rng(0).random((6, 1000)) < 0.8
    counts = copy(recorded)
    counts.both_right = right.astype(float) @ right.T * 10
    counts.test = counts.both_right.diagonal() / 10_000
    first, second = np.array([0, 1]), np.array([2, 3, 4])
    differences = right[second].mean(axis=0) - right[first].mean(axis=0)
    wanted = differences.std(ddof=1) / sqrt(10_000)
    assert counts.image_error("test", first, second) == pytest.approx(wanted, rel=1e-3)
