"""Training curves: the right numbers on the right axes, for one epoch as for 10,000."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest

from handstitch import figures
from handstitch.figures import style
from tests.figures.conftest import history, texts


def lines(axes: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in axes.get_lines()}


def values(records, name):
    return [getattr(each, name) for each in records]


def test_accuracy_on_one_axis_losses_on_the_other_rate_below():
    records = history(8)
    figure = figures.curves(records)
    accuracy, rate, loss = figure.axes
    assert (accuracy.get_ylabel(), loss.get_ylabel()) == ("accuracy", "loss")
    assert (rate.get_ylabel(), rate.get_xlabel()) == ("learning rate", "epoch")
    assert all(axes.xaxis.get_gridlines()[0].get_visible() for axes in (accuracy, rate))
    shown = lines(accuracy) | lines(loss) | lines(rate)
    for label, name in [
        ("training accuracy", "train_accuracy"), ("validation accuracy", "val_accuracy"),
        ("training loss", "train_loss"), ("validation loss", "val_loss"),
        ("learning rate", "learning_rate"),
    ]:  # fmt: skip
        assert shown[label].get_xdata().tolist() == values(records, "epoch")
        assert shown[label].get_ydata().tolist() == values(records, name)
    assert {"validation loss", "validation accuracy"} <= {
        each.get_text() for each in figure.legends[0].get_texts()
    }


def test_the_best_epoch_is_marked():
    records = history(8)
    best = next(each for each in records if each.is_best)
    accuracy = figures.curves(records).axes[0]
    star: Any = next(line for line in accuracy.get_lines() if line.get_marker() == "*")
    assert star.get_xydata().tolist() == [[best.epoch, best.val_accuracy]]
    assert star.get_label() == f"best epoch: {best.epoch} ({best.val_accuracy:.4f})"
    unmarked = figures.curves(history(8, is_best=False)).axes[0]
    assert not [line for line in unmarked.get_lines() if line.get_marker() == "*"]


def test_of_several_that_were_best_the_last_is_marked():
    star: Any = figures.curves(history(5, is_best=True)).axes[0].get_lines()[-1]
    assert star.get_xdata().tolist() == [5]


def test_the_course_style_is_the_course_reports_figure():
    records = history(6)
    figure = figures.curves(records, "course")
    loss, accuracy = figure.axes
    assert set(lines(loss)) == {"training loss", "validation loss"}
    assert set(lines(accuracy)) == {"validation accuracy"}
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "validation accuracy")
    assert loss.get_xlabel() == "epoch"


def test_one_epoch_is_drawn_as_points_that_can_all_be_seen():
    accuracy, rate, loss = figures.curves(history(1)).axes
    assert all(line.get_marker() == "o" for line in loss.get_lines())
    places = [
        float(axes.transData.transform(np.asarray(line.get_xydata()))[0, 1])
        for axes in (accuracy, loss)
        for line in axes.get_lines()
        if line.get_marker() == "o"
    ]
    assert np.diff(sorted(places)).min() > 10
    assert sum(rate.get_xlim()) == pytest.approx(2)  # in the middle
    assert rate.get_ylim()[0] == 0


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
        (line,) = re.findall(rf'd="([^"]*)"[^>]*stroke: {style.VERMILION.lower()}', svg)[:1]
        points = np.array(re.findall(r"[ML] (\S+) (\S+)", line), np.float64)
        ends.append([*points[0], *points[-1], *points[points[:, 1].argmin()], points[:, 1].max()])
    assert ends[0] == pytest.approx(ends[1], abs=1)


def test_rates_over_orders_of_magnitude_are_logarithmic():
    records = [*history(1, learning_rate=1e-1), *history(1, learning_rate=1e-4, epoch=2)]
    assert figures.curves(records).axes[1].get_yscale() == "log"
    written = texts(figures.svg(figures.curves(records)))
    assert {"0.1", "0.0001"} <= set(written)
    to_nothing = [*records, *history(1, learning_rate=0.0, epoch=3)]
    assert figures.curves(to_nothing).axes[1].get_yscale() == "linear"
    figures.curves(history(2, learning_rate=0.0))


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_what_is_not_finite_leaves_a_gap(odd):
    figures.png(figures.curves(history(3, val_loss=odd, val_accuracy=odd)), 20)
    figures.png(figures.curves([*history(2), *history(1, epoch=3, train_loss=odd)]), 20)


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="empty history"):
        figures.curves([])
