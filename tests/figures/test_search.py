"""Figures of a search: what is drawn where, with odd searches, and hostile words."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from handstitch import figures
from handstitch.figures import search as drawings
from handstitch.figures import search_space
from handstitch.records import EpochRecord
from handstitch.search import rank
from tests.synthetic_trials import epochs, trial

RATES, DECAYS = (0.00075, 0.001, 0.00125), (0.0, 0.2, 0.4)


def of_search(parameters, means, *, seeds=3, epoch_count=4):
    """(candidates, best first, and the histories of their trials)."""
    trials = [
        trial(s, r, epochs([mean - 0.1 / e + r / 1000 for e in range(1, epoch_count + 1)]), values,
              seeds=seeds)
        for s, (values, mean) in enumerate(zip(parameters, means, strict=True))
        for r in range(seeds)
    ]  # fmt: skip
    histories: dict[int, list[list[EpochRecord]]] = {}
    for each in trials:
        histories.setdefault(each.candidate, []).append(list(each.history))
    return rank(trials).candidates, histories


def grid():
    parameters = [{"learning_rate": r, "weight_decay": d} for r in RATES for d in DECAYS]
    return of_search(parameters, [0.9 - 0.1 * p["weight_decay"] for p in parameters])


def everything(searched, parameters):
    candidates, histories = searched
    return drawings.all_of(candidates, histories, parameters)


def size_of(figure):
    from PIL import Image

    with Image.open(io.BytesIO(figures.png(figure, 60))) as picture:
        return picture.size


class TestWhatIsDrawn:
    def test_heat_map_has_the_first_parameter_down(self):
        candidates, _ = grid()
        axes = search_space.heat_map(candidates, ("learning_rate", "weight_decay")).axes[0]
        drawn = np.asarray(axes.images[0].get_array())
        assert (axes.get_ylabel(), axes.get_xlabel()) == ("learning rate", "weight decay")
        assert [each.get_text() for each in axes.get_xticklabels()] == ["0", "0.2", "0.4"]
        # accuracy falls along the decays, that is across, and not along the rates
        assert (np.diff(drawn, axis=1) < -0.01).all()
        assert (np.abs(np.diff(drawn, axis=0)) < 0.005).all()

    def test_bold_cells_are_the_indistinguishable_ones(self):
        candidates, _ = grid()
        axes = search_space.heat_map(candidates, ("learning_rate", "weight_decay")).axes[0]
        bold = sum(each.get_fontweight() == "bold" for each in axes.texts)
        assert bold == sum(bool(each.indistinguishable) for each in candidates) == 3

    def test_error_bars_are_the_intervals(self):
        candidates, _ = grid()
        axes = drawings.accuracies(candidates, ["learning_rate"]).axes[0]
        drawn = sorted(
            tuple(float(y) for y in segment[:, 1])
            for bars in axes.containers
            for segment in bars[2][0].get_segments()
        )
        wanted = sorted(each.interval for each in candidates if each.interval)
        assert np.array(drawn) == pytest.approx(np.array(wanted))

    def test_candidates_with_one_value_stand_side_by_side_about_it(self):
        candidates, _ = grid()
        for axes, values in zip(
            drawings.accuracies(candidates, ["learning_rate", "weight_decay"]).axes,
            (RATES, DECAYS),
            strict=True,
        ):
            drawn = [bars[0] for bars in axes.containers]
            assert sorted({float(line.get_xdata()[0]) for line in drawn}) == list(values)
            shown = np.sort(
                [line.get_transform().transform(line.get_xydata())[0, 0] for line in drawn]
            )
            middle = axes.transData.transform([[value, 0.9] for value in values])[:, 0]
            assert np.diff(shown).min() > 4
            assert shown.reshape(3, 3).mean(axis=1) == pytest.approx(middle)
            assert axes.yaxis.get_gridlines()[0].get_visible()

    def test_a_line_joins_the_means_of_those_that_share_a_number_and_never_words(self):
        candidates, _ = grid()
        axes: Any = drawings.accuracies(candidates, ["weight_decay"]).axes[0]
        line = next(line for line in axes.lines if len(line.get_xdata()) == 3)
        wanted = [np.mean([one.mean for one in candidates if one.parameters["weight_decay"] == d])
                  for d in DECAYS]  # fmt: skip
        assert line.get_xdata().tolist() == list(DECAYS)
        assert line.get_ydata().tolist() == pytest.approx(wanted)
        words, _ = of_search([{"activation": a} for a in ("relu", "tanh")], [0.9, 0.8])
        axes = drawings.accuracies(words, ["activation"]).axes[0]
        assert not [line for line in axes.lines if len(line.get_xdata()) > 1]
        assert [each.get_text() for each in axes.get_xticklabels()] == ["relu", "tanh"]

    def test_numbers_stand_on_their_scale(self):
        for rates, scale in (([0.1 + 0.1 * n for n in range(13)], "linear"),
                             ([2.0**-n for n in range(13)], "log"), ([0.1, 0.01, 1e-3], "log"),
                             ([1, 2, 8], "linear")):  # fmt: skip
            candidates, _ = of_search([{"learning_rate": r} for r in rates], [0.9] * len(rates))
            axes: Any = drawings.accuracies(candidates, ["learning_rate"]).axes[0]
            places = sorted(float(bars[0].get_xdata()[0]) for bars in axes.containers)
            assert places == pytest.approx(sorted(rates))
            assert axes.get_xscale() == scale
            joined = [line for line in axes.lines if len(line.get_xdata()) > 1]
            assert len(joined) == (len(rates) <= 12)

    def test_panels_stand_beside_each_other_where_there_is_room(self):
        candidates, _ = grid()
        names = ["learning_rate", "weight_decay"]
        for shown, columns in ((names[:1], 1), (names, 2), (names * 2, 2)):
            figure = drawings.accuracies(candidates, shown)
            assert len({round(axes.bbox.x0) for axes in figure.axes}) == columns

    def test_curves_are_named_in_the_order_of_the_candidates(self):
        candidates, histories = grid()
        figure = drawings.candidate_curves(candidates, histories)
        names = [each.get_text() for each in figure.legends[0].get_texts()]
        assert len(names) == 9
        assert names[0] == "learning rate {}, weight decay {}".format(
            *(f"{value:g}" for value in candidates[0].parameters.values())
        )
        widths = {float(line.get_linewidth()) for line in figure.axes[0].lines}
        best = max(figure.axes[0].lines, key=lambda line: line.get_linewidth())
        assert len(widths) == 2
        assert best.get_label() == names[0]

    def test_of_many_candidates_the_best_twelve_are_coloured_and_four_have_bands(self):
        searched = of_search([{"epochs": s} for s in range(14)], [0.8 + s / 100 for s in range(14)])
        left, right = drawings.candidate_curves(*searched).axes
        for axes in (left, right):
            colours = [line.get_color() for line in axes.lines]
            assert sum(colour == "#bbbbbb" for colour in colours) == 2
            assert len(set(map(str, colours))) == 13
            assert len(axes.collections) == 4

    def test_the_ends_of_the_accuracies_stand_beside_their_axis(self):
        candidates, _ = grid()
        axes = search_space.parallel(candidates, ["learning_rate", "weight_decay"]).axes[0]
        beside = {each.get_text(): each.get_position()[1]
                  for each in axes.texts if each.get_position()[0] > 2}  # fmt: skip
        means = [one.mean for one in candidates]
        assert beside == {f"{min(means):.4f}": 0, f"{max(means):.4f}": 1}
        values = {each.get_text(): each.get_position()[1]
                  for each in axes.texts if 0.5 < each.get_position()[0] < 1}  # fmt: skip
        assert values == pytest.approx({"0": 0, "0.2": 0.5, "0.4": 1})

    @pytest.mark.parametrize(("values", "is_map"), [(1, False), (2, True), (24, True), (25, False)])
    def test_a_map_has_up_to_twenty_four_values_a_side(self, values, is_map):
        parameters = [{"epochs": n, "seed": s} for n in range(values) for s in (0, 1)]
        candidates, _ = of_search(parameters, [0.9] * len(parameters), seeds=1)
        assert search_space.is_grid(candidates, ("epochs", "seed")) == is_map
        assert not search_space.is_grid(candidates[1:], ("epochs", "seed"))

    @pytest.mark.parametrize(("epoch_count", "marker"), [(1, "o"), (2, "")])
    def test_a_single_epoch_is_a_point_that_can_be_seen(self, epoch_count, marker):
        searched = of_search([{"learning_rate": 0.1}], [0.9], epoch_count=epoch_count)
        for axes in drawings.candidate_curves(*searched).axes:
            assert [line.get_marker() for line in axes.lines] == [marker]

    def test_curves_are_means_over_seeds(self):
        candidates, histories = of_search([{"learning_rate": 0.1}], [0.9])
        left = drawings.candidate_curves(candidates, histories).axes[0]
        assert np.asarray(left.lines[0].get_ydata())[-1] == pytest.approx(0.9 - 0.1 / 4 + 0.001)

    def test_parallel_coordinates_have_a_line_for_each_candidate(self):
        candidates, _ = grid()
        figure = search_space.parallel(candidates, ["learning_rate", "weight_decay"])
        assert sum(len(np.asarray(line.get_xdata())) == 3 for line in figure.axes[0].lines) == 9

    def test_a_grid_gets_all_and_one_parameter_no_map(self):
        names = ["learning_rate", "weight_decay"]
        assert list(everything(grid(), names)) == [
            "parameters",
            "heat_map",
            "parallel",
            "curves",
        ]
        one = of_search([{"learning_rate": 0.1}, {"learning_rate": 0.2}], [0.9, 0.8])
        assert list(everything(one, ["learning_rate"])) == ["parameters", "curves"]
        alone = of_search([{}], [0.9])
        assert list(everything(alone, [])) == ["curves"]
        assert drawings.all_of([], {}, names) == {}


ODD: dict[str, list[dict[str, Any]]] = {
    "words": [{"activation": [a], "hidden_sizes": h} for a in ("relu", "tanh") for h in ([8], [9])],
    "orders of magnitude": [{"learning_rate": 10.0**-e, "dropout": 0.1 * e} for e in range(6)],
    "a zero among magnitudes": [{"weight_decay": d} for d in (0.0, 1e-6, 1.0)],
    "many candidates": [{"learning_rate": 0.001 * (1 + s), "epochs": s} for s in range(40)],
    "many networks": [{"hidden_sizes": [8 * n, 4 * n]} for n in range(1, 40)],
    "switches": [{"stratified": False}, {"stratified": True}],
    "nothing searched": [{}],
    "hostile": [{"activation": ["<script>$x^2$\x1b[31m\u202e" * 9]}, {"activation": ["relu"]}],
    "nine parameters": [
        dict.fromkeys(("epochs", "batch_size", "warmup", "momentum", "beta1", "beta2", "epsilon",
                       "clip_norm", "patience"), s) for s in range(3)],
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_searches_are_drawn(name):
    seeds = 1 + len(name) % 2
    candidates, histories = of_search(
        ODD[name], [0.8 + 0.001 * s for s in range(len(ODD[name]))], seeds=seeds, epoch_count=seeds
    )
    for figure in drawings.all_of(candidates, histories, list(ODD[name][0])).values():
        width, height = size_of(figure)
        assert 150 < width < 2500
        assert 100 < height < 2500
        text = figures.svg(figure)
        assert "<script" not in text
        assert "mathdefault" not in text
        assert not any(ord(each) < 32 and each != "\n" for each in text)
