"""Confusion matrix, class scores and reliability diagram show the numbers they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch import figures
from handstitch.evaluation import (
    calibration_bins,
    calibration_error,
    class_scores,
    wilson_interval,
)
from handstitch.records import CalibrationBin
from tests.figures.conftest import texts

NAMES = ("Shirt", "Coat", "Bag")
MATRIX = [[7, 2, 1], [0, 9, 1], [0, 0, 0]]


def cells(figure):
    """(row, column) → what is written there, by the names of classes beside and above it."""
    (axes,) = figure.axes
    rows: dict[float, str] = {}
    columns: dict[float, str] = {}
    found: dict[tuple[str, str], str] = {}
    for text in axes.texts:
        x, y = text.get_position()
        if text.get_text() in NAMES:
            (columns if text.get_rotation() else rows)[x if text.get_rotation() else y] = (
                text.get_text()
            )
    for text in axes.texts:
        x, y = text.get_position()
        if x in columns and y in rows:
            found[rows[y], columns[x]] = text.get_text()
    return found


def shades(figure):
    return {patch.get_xy(): patch.get_alpha() for patch in figure.axes[0].patches}


def test_rows_are_true_classes_and_columns_predicted():
    figure = figures.confusion_matrix(MATRIX, NAMES)
    wanted = {
        ("Shirt", "Shirt"): "7", ("Shirt", "Coat"): "2", ("Shirt", "Bag"): "1",
        ("Coat", "Coat"): "9", ("Coat", "Bag"): "1",
    }  # fmt: skip
    assert cells(figure) == wanted
    assert cells(figures.confusion_matrix(np.transpose(MATRIX).tolist(), NAMES)) != wanted
    written = texts(figures.svg(figure))
    assert {"70.0 %", "90.0 %", "0.0 %", "true class", "predicted class"} <= set(written)


def test_the_shade_of_a_mistake_follows_its_share_of_the_true_class():
    # 2 of 10 and 10 of 100: the rarer of the two is the louder.
    figure = figures.confusion_matrix([[8, 2], [10, 90]], ["a", "b"])
    alphas = sorted(shades(figure).values())
    assert alphas[2:] == [1, 1]  # the diagonal, in a quiet colour
    assert alphas[0] == pytest.approx(alphas[1] * 0.5**0.5)


@pytest.mark.parametrize("width", [680, 860])
@pytest.mark.parametrize("classes", [2, 20, 100])
def test_where_classes_have_no_room_those_with_most_mistakes_are_drawn(classes, width):
    names = [f"class number {n}" for n in range(classes)]
    matrix = 1000 * np.eye(classes, dtype=int)
    matrix[1, 0], matrix[0, -1] = 5, 7
    figure = figures.confusion_matrix(matrix.tolist(), names, width=width)
    written = texts(figures.svg(figure))
    assert {"class number 0", "class number 1", names[-1], "5", "7"} <= set(written)
    drawn = sum(each.startswith("class number") for each in written) / 2
    assert drawn == classes or "all others" in written


def test_what_was_taken_for_a_class_without_a_column_is_counted():
    matrix = 100 * np.eye(100, dtype=int)
    matrix[0, 1:] = 3
    written = texts(figures.svg(figures.confusion_matrix(matrix.tolist(), ["n"] * 100, width=680)))
    counted = sum(int(each) for each in written if each.isdecimal() and int(each) != 100)
    assert counted == 3 * 99


def test_dots_are_precision_and_recall_the_lowest_f1_first():
    scores = class_scores(np.array(MATRIX), NAMES)
    for width in (340, 680):
        figure = figures.class_scores(scores, width=width)
        axes: Any = figure.axes[0]
        lowest = sorted(scores, key=lambda score: score.f1)
        shown = {line.get_label(): np.asarray(line.get_xdata()).tolist() for line in axes.lines}
        assert shown == {
            name: [getattr(each, name) for each in lowest] for name in ("precision", "recall")
        }
        named = [text.get_text() for text in figure.texts if text.get_text() in NAMES]
        assert named == [score.name for score in lowest]
        first, last = (axes.transData.transform((0, place))[1] for place in (0, 2))
        assert first > last  # the first class stands on top


def test_intervals_are_those_of_the_images_of_a_class_and_of_its_predictions():
    scores = class_scores(np.array([[30, 20], [0, 50]]), ("a", "b"))
    axes: Any = figures.class_scores(scores).axes[0]
    precision, recall = axes.collections
    for lines, correct, n in ((precision, 30, 30), (recall, 30, 50)):
        ends = lines.get_segments()[0][:, 0].tolist()
        assert ends == pytest.approx(wilson_interval(correct, n))


def test_of_a_hundred_classes_the_thirty_lowest_are_drawn():
    scores = class_scores(np.eye(100, dtype=int) * 9, tuple(f"class {n}" for n in range(100)))
    written = texts(figures.svg(figures.class_scores(scores)))
    assert "The 30 lowest of 100 classes." in written
    assert sum(each.startswith("class ") for each in written) == 30


def test_reliability_shows_every_filled_bin_and_the_error():
    rng = np.random.default_rng(0)
    P = rng.dirichlet([0.4] * 10, 500).astype(np.float32)
    labels = rng.integers(0, 10, 500).astype(np.uint8)
    bins = calibration_bins(P, labels)
    figure = figures.reliability(bins, 1.4142)
    panels: Any = figure.axes
    upper, lower = panels
    written = " ".join(text.get_text() for text in figure.texts)
    assert f"{calibration_error(bins):.4f}" in written
    assert "Temperature 1.414" in written
    filled = [each for each in bins if each.count]
    assert [bar.get_height() for bar in lower.patches] == [each.count for each in filled]
    points = next(line for line in upper.get_lines() if line.get_marker() == "o")
    assert list(points.get_xdata()) == [each.confidence for each in filled]
    assert list(points.get_ydata()) == [each.accuracy for each in filled]
    assert lower.get_xlabel().startswith("confidence")


def test_reliability_of_nothing_is_an_empty_diagram():
    empty = [CalibrationBin(low=0, high=1, count=0, confidence=0, accuracy=0)]
    figures.png(figures.reliability(empty), 20)
