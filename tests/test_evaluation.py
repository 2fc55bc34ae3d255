"""Evaluation against slow loops, scipy's intervals, and counts made by hand."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from handstitch import evaluation
from handstitch.arrays import Images, Labels, Matrix
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import Scaling
from handstitch.errors import DataError
from handstitch.evaluation import (
    Evaluator,
    calibration_bins,
    calibration_error,
    class_scores,
    confident_mistakes,
    confusion_matrix,
    error_at,
    evaluate,
    fit_temperature,
    most_confused,
    probabilities,
    wilson_interval,
)

SCALING = Scaling(100.0, 1 / 80)


def made(n: int = 57, dropout: float = 0.0) -> tuple[Network, Images, Labels]:
    rng = np.random.default_rng(0)
    parameters = Parameters.random((12, 9, 5, 4), rng)
    images = rng.integers(0, 256, (n, 3, 4), np.uint8)
    labels = rng.integers(0, 4, n).astype(np.uint8)
    return Network(parameters, ("relu", "tanh"), dropout, dropout), images, labels


def slow(network: Network, image: Images) -> Matrix:
    """Probabilities of one image, in float64."""
    A = (image.reshape(-1).astype(np.float64) - SCALING.offset) * SCALING.scale
    (W0, b0), (W1, b1), (W2, b2) = network.layers
    z: Matrix = np.tanh(np.maximum(A @ W0 + b0, 0) @ W1 + b1) @ W2 + b2
    result: Matrix = np.exp(z) / np.exp(z).sum()
    return result


@pytest.mark.parametrize("rows", [1, 10, 57, 1000])
def test_loss_accuracy_and_probabilities_are_those_of_a_slow_loop(
    monkeypatch: pytest.MonkeyPatch, rows: int
):
    """However many images are taken at a time; the last piece is short."""
    monkeypatch.setattr(evaluation, "ROWS", rows)
    network, images, labels = made()
    P = np.array([slow(network, image) for image in images])
    evaluator = Evaluator(network, images, SCALING)
    loss, accuracy = evaluator.loss_and_accuracy(labels)
    assert loss == pytest.approx(-np.log(P[np.arange(57), labels]).mean(), rel=1e-5)
    assert accuracy == (P.argmax(axis=1) == labels).mean()
    np.testing.assert_allclose(evaluator.probabilities(), P, atol=1e-6)


def test_nothing_is_dropped_and_nothing_is_learned():
    network, images, labels = made(dropout=0.5)
    plain, _, _ = made()
    theta = network.parameters.vector.copy()
    evaluator = Evaluator(network, images, SCALING)
    figures = evaluator.loss_and_accuracy(labels)
    assert figures == evaluator.loss_and_accuracy(labels)
    assert figures == Evaluator(plain, images, SCALING).loss_and_accuracy(labels)
    np.testing.assert_array_equal(network.parameters.vector, theta)


def test_an_evaluation_hangs_together():
    network, images, labels = made()
    names = ("a", "b", "c", "d")
    data = Dataset("sketch", "test", images, labels, names, "made here")
    found = evaluate(network, data, SCALING, "best", 2.5)
    P = Evaluator(network, images, SCALING).probabilities(2.5)
    predicted = P.argmax(axis=1)
    assert (found.dataset, found.part, found.weights, found.n) == ("sketch", "test", "best", 57)
    assert found.correct == int((predicted == labels).sum())
    assert found.accuracy == found.correct / 57
    assert found.accuracy_interval == wilson_interval(found.correct, 57)
    assert found.calibration_error == calibration_error(calibration_bins(P, labels))
    plain = Evaluator(network, images, SCALING).probabilities()
    assert found.uncalibrated_error == calibration_error(calibration_bins(plain, labels))
    assert (found.temperature, found.loss) == (2.5, evaluate(network, data, SCALING, "best").loss)
    assert found.confusion_matrix == confusion_matrix(labels, predicted, 4).tolist()
    assert [score.name for score in found.class_scores] == list(names)
    assert 0 < found.loss < 5 * log(4)


# ── Confusion and scores ───────────────────────────────────────────────────────────────────────


def test_flips_are_the_mean_probabilities_of_image_and_mirror_image():
    network, images, labels = made()
    data = Dataset.from_arrays(images, labels, "abcd")
    both = [[slow(network, one) for one in (image, image[:, ::-1])] for image in images]
    P = np.mean(both, axis=1)
    found = evaluate(network, data, SCALING, "best", flip=True)
    assert found.correct == (P.argmax(axis=1) == labels).sum()
    assert found.loss == pytest.approx(-np.log(P[np.arange(57), labels]).mean(), rel=1e-5)
    assert found.loss != pytest.approx(evaluate(network, data, SCALING, "best").loss, rel=1e-3)
    mirror = Dataset.from_arrays(np.ascontiguousarray(images[:, :, ::-1]), labels, "abcd")
    again = evaluate(network, mirror, SCALING, "best", flip=True)
    assert again.confusion_matrix == found.confusion_matrix


def test_features_have_no_mirror_image():
    network, images, labels = made()
    data = Dataset.from_arrays(images.reshape(57, 12).astype(np.float32), labels, "abcd")
    with pytest.raises(DataError, match="features have no mirror image"):
        evaluate(network, data, SCALING, "best", flip=True)


def test_rows_are_the_truth_and_columns_what_was_said():
    truth = np.array([0, 0, 0, 1, 2, 2], np.uint8)
    said = np.array([0, 1, 1, 1, 0, 2])
    np.testing.assert_array_equal(
        confusion_matrix(truth, said, 3), [[1, 2, 0], [0, 1, 0], [1, 0, 1]]
    )


def test_classes_nobody_saw_have_their_row_and_column():
    confusion = confusion_matrix(np.array([0], np.uint8), np.array([0]), 4)
    assert confusion.shape == (4, 4)
    assert confusion.sum() == confusion[0, 0] == 1


def test_many_classes_do_not_overflow_the_labels_eight_bits():
    truth = np.array([200, 255], np.uint8)
    confusion = confusion_matrix(truth, np.array([3, 255]), 256)
    assert confusion[200, 3] == confusion[255, 255] == 1


def test_scores_by_hand():
    confusion = np.array([[8, 2, 0], [1, 3, 0], [1, 0, 0]])
    first, second, third = class_scores(confusion, ("a", "b", "c"))
    assert (first.precision, first.recall, first.support) == (8 / 10, 8 / 10, 10)
    assert first.f1 == pytest.approx(0.8)
    assert (second.precision, second.recall, second.support) == (3 / 5, 3 / 4, 4)
    assert second.f1 == pytest.approx(2 * 0.6 * 0.75 / 1.35)
    assert (third.precision, third.recall, third.f1, third.support) == (0, 0, 0, 1)


def test_scores_of_nothing_are_zero():
    for score in class_scores(np.zeros((2, 2), np.int64), ("a", "b")):
        assert (score.precision, score.recall, score.f1, score.support) == (0, 0, 0, 0)


def test_the_most_confused_pairs_name_the_truth_first():
    confusion = [[50, 7, 0], [9, 40, 7], [0, 1, 60]]
    pairs = most_confused(confusion, ("a", "b", "c"), most=3)
    assert pairs == [("b", "a", 9), ("a", "b", 7), ("b", "c", 7)]
    assert len(most_confused(confusion, ("a", "b", "c"))) == 4
    assert most_confused([[3, 0], [0, 3]], ("a", "b")) == []


def test_the_surest_mistake_stands_first() -> None:
    P = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]], np.float32)
    assert confident_mistakes(np.array([0, 0, 0, 1], np.uint8), P).tolist() == [2, 1]
    assert len(confident_mistakes(np.argmax(P, axis=1).astype(np.uint8), P)) == 0


# ── Interval and calibration ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("n", [1, 2, 10, 997, 10_000])
def test_wilson_interval_is_scipys(n: int):
    from scipy.stats import binomtest

    for correct in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        theirs = binomtest(correct, n).proportion_ci(0.95, method="wilson")
        assert wilson_interval(correct, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_interval_of_the_report_and_of_nothing():
    assert wilson_interval(8846, 10_000) == pytest.approx((0.87818, 0.89072), abs=1e-5)
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(0, 5)[0] == 0
    assert wilson_interval(5, 5)[1] == 1


def test_wilson_interval_contains_the_fraction():
    for n in [*range(1, 200), 9_999, 10_000, 10**9]:
        for correct in sorted({*range(min(n, 200) + 1), n - 1, n}):
            low, high = wilson_interval(correct, n)
            assert 0 <= low <= correct / n <= high <= 1


def slow_calibration_error(P: Matrix, labels: Labels) -> float:
    total = 0.0
    for k in range(15):
        inside = [
            (float(p.max()), int(p.argmax()) == y)
            for p, y in zip(P, labels, strict=True)
            if k / 15 <= p.max() < (k + 1) / 15 or (k == 14 and p.max() == 1)
        ]
        if inside:
            confidence = sum(each for each, _ in inside) / len(inside)
            accuracy = sum(hit for _, hit in inside) / len(inside)
            total += len(inside) / len(P) * abs(accuracy - confidence)
    return total


@settings(deadline=None, derandomize=True)
@given(
    n=st.integers(1, 200),
    classes=st.integers(1, 10),
    sharpness=st.sampled_from([0.05, 1.0, 20.0]),
    seed=st.integers(0, 99),
)
def test_calibration_error_is_that_of_a_slow_loop(
    n: int, classes: int, sharpness: float, seed: int
):
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(classes, 1 / sharpness), n)
    labels = rng.integers(0, classes, n).astype(np.uint8)
    assert calibration_error(calibration_bins(P, labels)) == pytest.approx(
        slow_calibration_error(P, labels), abs=1e-12
    )


@pytest.mark.parametrize(("hits", "wanted"), [(8, 0.0), (0, 0.8), (10, 0.2)])
def test_calibration_error_by_hand(hits: int, wanted: float):
    P = np.tile([0.8, 0.2], (10, 1))
    labels: Any = np.array([0] * hits + [1] * (10 - hits), np.uint8)
    assert calibration_error(calibration_bins(P, labels)) == pytest.approx(wanted)


def test_calibration_bins_hold_every_image_once():
    rng = np.random.default_rng(3)
    P = rng.dirichlet([0.5] * 4, 300).astype(np.float32)
    labels = rng.integers(0, 4, 300).astype(np.uint8)
    bins = calibration_bins(P, labels)
    assert len(bins) == 15
    assert [each.low for each in bins[1:]] == [each.high for each in bins[:-1]]
    assert (bins[0].low, bins[-1].high) == (0, 1)
    assert sum(each.count for each in bins) == 300
    sure = P.max(axis=1).astype(float)
    for each in bins:
        rows = (sure >= each.low) & ((sure < each.high) | (each.high == 1))
        assert each.count == rows.sum()
        if each.count:
            assert each.confidence == pytest.approx(sure[rows].mean())
            assert each.accuracy == pytest.approx((P.argmax(axis=1) == labels)[rows].mean())
        else:
            assert (each.confidence, each.accuracy) == (0, 0)
    assert calibration_bins(np.array([[1.0, 0.0]]), np.array([0], np.uint8))[-1].count == 1


# ── Temperature ────────────────────────────────────────────────────────────────────────────────


def draw_logits(T: float, n: int = 4000) -> tuple[Matrix, Labels]:
    """Logits, and labels drawn from softmax(Z / T)."""
    rng = np.random.default_rng(1)
    Z = rng.normal(0, 4, (n, 5)).astype(np.float32)
    P = np.exp(log_softmax(Z.astype(float) / T, axis=1))
    return Z, (rng.random((n, 1)) > P.cumsum(axis=1)).sum(axis=1).astype(np.uint8)


@pytest.mark.parametrize("T", [0.4, 1.0, 2.5])
def test_temperature_is_that_of_scipy_and_calibrates(T: float):
    Z, labels = draw_logits(T)

    def loss(t: float) -> float:
        return float(-log_softmax(Z.astype(float) / t, axis=1)[np.arange(len(Z)), labels].mean())

    found = fit_temperature(Z, labels)
    wanted = minimize_scalar(loss, bounds=(0.1, 10), method="bounded", options={"xatol": 1e-9}).x
    assert found == pytest.approx(wanted, rel=1e-5)
    assert found == pytest.approx(T, rel=0.05)
    assert error_at(Z, labels, found) < 0.02
    if T != 1:
        assert error_at(Z, labels) > 0.05


def test_without_a_mistake_there_is_no_best_temperature():
    Z, _ = draw_logits(1)
    assert fit_temperature(Z, Z.argmax(axis=1).astype(np.uint8)) == 1


def test_temperature_stays_within_its_bounds():
    Z, labels = draw_logits(1, 50)
    wrong = Z.argmin(axis=1).astype(np.uint8)
    assert fit_temperature(Z, wrong) == pytest.approx(20)
    assert fit_temperature(Z * 1e-4, labels) >= 0.05
    almost = Z.argmax(axis=1).astype(np.uint8)
    Z[0, almost[0]] -= np.float32(1e-6) + np.diff(np.sort(Z[0])[-2:])[0]
    assert fit_temperature(Z, almost) == pytest.approx(0.05)


@settings(deadline=None)
@given(st.floats(0.05, 20))
def test_no_temperature_moves_a_prediction(T: float):
    Z, _ = draw_logits(1, 50)
    P = probabilities(Z, T)
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-5)
    assert (P.max(axis=1) == P[np.arange(50), Z.argmax(axis=1)]).all()
