"""Training curves: the right numbers on the right axes, for one epoch as for 10,000."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest

from handstitch import figures
from handstitch.figures import style
from handstitch.figures.canvas import spread
from tests.figures.conftest import history, texts


def lines(axes: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in axes.get_lines()}


def values(records, name):
    return [getattr(each, name) for each in records]


def test_a_panel_each_for_accuracy_loss_and_rate():
    records = history(8)
    panels = figures.curves(records).axes
    wanted = [
        {"training": "train_accuracy", "validation": "val_accuracy"},
        {"training": "train_loss", "validation": "val_loss"},
        {"learning rate": "learning_rate"},
    ]
    for axes, names in zip(panels, wanted, strict=True):
        assert axes.get_xlabel() == "epoch"
        for label, name in names.items():
            assert lines(axes)[label].get_xdata().tolist() == values(records, "epoch")
            assert lines(axes)[label].get_ydata().tolist() == values(records, name)
    written = texts(figures.svg(figures.curves(records)))
    assert {"Accuracy", "Loss", "Learning rate", "training", "validation"} <= set(written)
    assert f"{100 * (records[-1].val_accuracy or 0):.2f} %" in written


def test_panels_stand_beside_each_other_where_there_is_room():
    for width, columns in ((340, 1), (680, 2), (960, 3)):
        figure = figures.curves(history(8), width=width)
        assert figure.get_figwidth() * 96 == pytest.approx(width)
        assert len({round(axes.bbox.x0) for axes in figure.axes}) == columns


def test_the_best_epoch_is_marked():
    records = history(8)
    best = next(each for each in records if each.is_best)
    figure = figures.curves(records)
    ring: Any = figure.axes[0].get_lines()[-1]
    assert ring.get_xydata().tolist() == [[best.epoch, best.val_accuracy]]
    assert ring.get_label() == f"best epoch: {best.epoch} ({best.val_accuracy:.4f})"
    assert f"best: epoch {best.epoch}" in texts(figures.svg(figure))
    unmarked = figures.curves(history(8, is_best=False)).axes[0]
    assert len(unmarked.get_lines()) == 2


def test_of_several_that_were_best_the_last_is_marked():
    ring: Any = figures.curves(history(5, is_best=True)).axes[0].get_lines()[-1]
    assert ring.get_xdata().tolist() == [5]


def test_the_course_style_is_the_course_reports_figure():
    records = history(6)
    figure = figures.curves(records, "course")
    loss, accuracy = figure.axes
    assert set(lines(loss)) == {"training loss", "validation loss"}
    assert set(lines(accuracy)) == {"validation accuracy"}
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "validation accuracy")
    assert loss.get_xlabel() == "epoch"


def test_one_epoch_is_drawn_as_points_that_can_all_be_seen():
    accuracy, loss, rate = figures.curves(history(1)).axes
    for axes in (accuracy, loss):
        shown = [line for line in axes.get_lines() if line.get_marker() == "o"]
        places = [axes.transData.transform(line.get_xydata())[0, 1] for line in shown[:2]]
        assert np.ptp(places) > 10
    assert sum(rate.get_xlim()) == pytest.approx(2)  # in the middle
    assert rate.get_ylim()[0] == 0


def test_labels_at_the_ends_of_lines_do_not_overlap_and_stay_beside_their_panel():
    assert spread([50, 50, 51], 10, 0, 100) == pytest.approx([40.33, 50.33, 60.33], abs=0.01)
    assert spread([98, 3, 99], 10, 0, 100) == [90, 3, 100]
    assert spread([1, 2], 10, 0, 100) == [0, 10]
    assert spread([], 10, 0, 100) == []


def test_ten_thousand_epochs_stay_small(monkeypatch):
    records = history(10_000)
    svg = figures.svg(figures.curves(records))
    assert len(svg) < 200_000
    assert "10,000" in texts(svg)
    monkeypatch.setitem(style._SETTINGS, "path.simplify_threshold", 0.0)
    assert len(figures.svg(figures.curves(records))) > 300_000


def test_a_long_line_keeps_what_can_be_seen(monkeypatch):
    records = history(10_000)
    records[1234] = msgspec.structs.replace(records[1234], val_loss=50.0)
    records[9876] = msgspec.structs.replace(records[9876], val_loss=-50.0)
    ends = []
    for threshold in (style._SETTINGS["path.simplify_threshold"], 0.0):
        monkeypatch.setitem(style._SETTINGS, "path.simplify_threshold", threshold)
        svg = figures.svg(figures.curves(records))
        (line,) = re.findall(rf'd="([^"]*)"[^>]*stroke: {style.BLUE.lower()}', svg)[-1:]
        points = np.array(re.findall(r"[ML] (\S+) (\S+)", line), np.float64)
        ends.append([*points[0], *points[-1], *points[points[:, 1].argmin()], points[:, 1].max()])
    assert ends[0] == pytest.approx(ends[1], abs=1)


def test_rates_over_orders_of_magnitude_are_logarithmic():
    records = [*history(1, learning_rate=1e-1), *history(1, learning_rate=1e-4, epoch=2)]
    assert figures.curves(records).axes[2].get_yscale() == "log"
    written = texts(figures.svg(figures.curves(records)))
    assert {"0.1", "0.0001"} <= set(written)
    to_nothing = [*records, *history(1, learning_rate=0.0, epoch=3)]
    assert figures.curves(to_nothing).axes[2].get_yscale() == "linear"
    figures.curves(history(2, learning_rate=0.0))


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_what_is_not_finite_leaves_a_gap(odd):
    figures.png(figures.curves(history(3, val_loss=odd, val_accuracy=odd)), 20)
    figures.png(figures.curves([*history(2), *history(1, epoch=3, train_loss=odd)]), 20)


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="empty history"):
        figures.curves([])
