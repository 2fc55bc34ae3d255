"""Confusion matrix, class scores and reliability diagram show the numbers they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch import figures
from handstitch.evaluation import calibration_bins, calibration_error, class_scores
from handstitch.records import CalibrationBin

NAMES = ("Shirt", "Coat", "Bag")
MATRIX = [[7, 2, 1], [0, 9, 1], [0, 0, 0]]


def assert_true_classes_are_rows(figure):
    axes = figure.axes[0]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true class", "predicted class")
    assert [each.get_text() for each in axes.get_yticklabels()] == list(NAMES)
    assert [each.get_text() for each in axes.get_xticklabels()] == list(NAMES)
    cells = {each.get_position(): each.get_text() for each in axes.texts}
    assert cells[1, 0] == "2"  # x: predicted Coat; y: true Shirt
    assert cells[0, 1] == "0"
    shares = np.asarray(axes.images[0].get_array())
    assert shares[0] == pytest.approx([0.7, 0.2, 0.1])


def test_rows_are_true_classes_and_columns_predicted():
    assert_true_classes_are_rows(figures.confusion_matrix(MATRIX, NAMES))


def test_a_transposed_confusion_matrix_is_caught():
    transposed = np.transpose(MATRIX).tolist()
    with pytest.raises(AssertionError):
        assert_true_classes_are_rows(figures.confusion_matrix(transposed, NAMES))


def test_a_class_without_images_has_no_share():
    shares = np.asarray(figures.confusion_matrix(MATRIX, NAMES).axes[0].images[0].get_array())
    assert shares[2].tolist() == [0, 0, 0]


@pytest.mark.parametrize("classes", [2, 20, 21, 100])
def test_few_classes_have_numbers_and_many_are_all_named(classes):
    names = [f"class number {n}" for n in range(classes)]
    figure = figures.confusion_matrix(np.eye(classes, dtype=int).tolist(), names)
    axes = figure.axes[0]
    assert len(axes.texts) == (classes**2 if classes <= 20 else 0)
    assert [each.get_text() for each in axes.get_yticklabels()] == names
    figure.draw_without_rendering()
    heights = [each.get_window_extent().height for each in axes.get_yticklabels()]
    pitch = abs(axes.transData.transform((0, 1))[1] - axes.transData.transform((0, 0))[1])
    assert max(heights) < pitch  # no name lies on its neighbour
    # A slanted name hangs from its end, an upright one from the middle of its line.
    ends = {(each.get_rotation(), each.get_verticalalignment()) for each in axes.get_xticklabels()}
    assert ends == {(45.0, "top") if classes <= 20 else (90.0, "center")}


def test_bars_are_f1_and_marks_precision_and_recall():
    scores = class_scores(np.array(MATRIX), NAMES)
    axes: Any = figures.class_scores(scores).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [each.f1 for each in scores]
    shown = {line.get_label(): np.asarray(line.get_xdata()).tolist() for line in axes.get_lines()}
    assert shown["precision"] == [each.precision for each in scores]
    assert shown["recall"] == [each.recall for each in scores]
    assert [each.get_text() for each in axes.get_yticklabels()] == list(NAMES)
    first, last = (axes.transData.transform((0, place))[1] for place in (0, 2))
    assert first > last  # the first class stands on top


def test_reliability_shows_every_filled_bin_and_the_error():
    rng = np.random.default_rng(0)
    P = rng.dirichlet([0.4] * 10, 500).astype(np.float32)
    labels = rng.integers(0, 10, 500).astype(np.uint8)
    bins = calibration_bins(P, labels)
    panels: Any = figures.reliability(bins, 1.4142).axes
    upper, lower = panels
    assert f"{calibration_error(bins):.4f}" in upper.get_title()
    assert "1.414" in upper.get_title()
    filled = [each for each in bins if each.count]
    assert [bar.get_height() for bar in upper.patches] == [each.accuracy for each in filled]
    assert [bar.get_height() for bar in lower.patches] == [each.count for each in filled]
    points = next(line for line in upper.get_lines() if line.get_marker() == "o")
    assert list(points.get_xdata()) == [each.confidence for each in filled]
    assert lower.get_xlabel().startswith("confidence")


def test_reliability_of_nothing_is_an_empty_diagram():
    empty = [CalibrationBin(low=0, high=1, count=0, confidence=0, accuracy=0)]
    figures.png(figures.reliability(empty), 20)
