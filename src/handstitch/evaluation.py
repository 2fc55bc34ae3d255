"""Evaluation: loss, accuracy, confusion matrix, per-class scores, calibration, intervals.

A temperature T makes probabilities as certain as they are right: P = softmax(Z / T).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images, Indices, Labels, Matrix
from handstitch.core.functions import softmax
from handstitch.core.network import Network, Workspace
from handstitch.data.batches import Subset
from handstitch.data.dataset import Dataset
from handstitch.data.samples import shape_in_words
from handstitch.data.scaling import Scaling
from handstitch.errors import DataError, overflow_error
from handstitch.machine import memory
from handstitch.records import CalibrationBin, ClassScore, Evaluation

ROWS = 1000
"""Images per batch. Fixed, so that no figure depends on how much memory there is."""
_Z95 = 1.959963984540054
"""97.5 % quantile of the normal distribution."""
_LARGEST_LOGIT = 1e30
"""Beyond, the sum of a batch's losses may be infinite in float32."""

_TEMPERATURES: Final = (0.05, 20.0)
"""The lowest and the highest that is fitted."""

_Class = TypeVar("_Class")


class Evaluator:
    """Forward passes of a network over images, in evaluation mode."""

    def __init__(self, network: Network, images: Images | Subset, scaling: Scaling) -> None:
        self.network = network
        self._images = images
        self._scaling = scaling
        rows = min(ROWS, max(1, len(images)))
        needed = workspace_bytes(network.parameters.sizes, network.dropout, rows)
        memory.require(needed, f"{rows:,} images at a time", memory.OF_A_FILE)
        self._work = Workspace(network, rows)

    def batches(self) -> Iterator[tuple[slice, Workspace]]:
        """Rows in order, each with a workspace that holds their activations until the next.

        Raises ModelFileError where the network overflows.
        """
        for start in range(0, len(self._images), ROWS):
            rows = slice(start, min(start + ROWS, len(self._images)))
            work = self._work.for_batch(rows.stop - rows.start)
            with np.errstate(over="ignore", invalid="ignore"):  # seen in the logits
                self._scaling.apply(self._images[rows].reshape(work.X.shape), work.X)
                logits = self.network.forward(work.X, work)
            if not np.abs(logits).max() <= _LARGEST_LOGIT:  # NaN, too
                raise overflow_error()
            yield rows, work

    def loss_and_accuracy(self, labels: Labels) -> tuple[float, float]:
        """Mean cross-entropy in nats, and the fraction of images classified correctly."""
        loss, correct = 0.0, 0
        for rows, work in self.batches():
            correct += self.network.count_correct(labels[rows], work)
            loss += self.network.loss(labels[rows], work)
        return loss / len(labels), correct / len(labels)

    def logits(self) -> Matrix:
        """Z (samples, classes)."""
        Z = self.empty_logits()
        for rows, work in self.batches():
            Z[rows] = work.outputs[-1]
        return Z

    def logits_and_loss(self, labels: Labels) -> tuple[Matrix, float]:
        """Z (samples, classes), and their mean cross-entropy in nats."""
        Z, loss = self.empty_logits(), 0.0
        for rows, work in self.batches():
            Z[rows] = work.outputs[-1]
            loss += self.network.loss(labels[rows], work)
        return Z, loss / len(labels)

    def empty_logits(self) -> Matrix:
        """Space for Z (samples, classes)."""
        return np.empty((len(self._images), self.network.parameters.sizes[-1]), np.float32)

    def probabilities(self, temperature: float = 1.0) -> Matrix:
        """P (samples, classes) = softmax(Z / T)."""
        return probabilities(self.logits(), temperature)


def probabilities(Z: Matrix, temperature: float = 1.0) -> Matrix:
    """P (n, classes) = softmax(Z / T) of logits Z; the largest of each row stays where it was."""
    P = Z / np.float32(temperature)
    softmax(P, P, np.empty((len(P), 1), P.dtype))
    return P


def workspace_bytes(sizes: Sequence[int], dropout: Sequence[float], n: int) -> int:
    """Bytes of a Workspace of core.network for n samples, in float32.

    `sizes` counts units from the input to the output; `dropout` is the probability of silencing an
    input of each layer.
    """
    dropped = sum(size for size, p in zip(sizes, dropout, strict=False) if p > 0)
    return 4 * n * (sizes[0] + 2 * sum(sizes[1:]) + 2 * dropped + sizes[-1] + 2)


def evaluate(
    network: Network,
    data: Dataset,
    scaling: Scaling,
    weights: str,
    temperature: float = 1.0,
    *,
    flip: bool = False,
) -> Evaluation:
    """All figures of an evaluation of these `weights`, by name, on a data set.

    The loss is that which is trained, at temperature 1. With `flip`, of the mean probabilities of
    each image and its mirror image, whose logarithms are taken for logits. Raises DataError where
    that is asked for features.
    """
    labels, class_names = data.labels, data.class_names
    evaluator = Evaluator(network, data.images, scaling)
    Z, loss = evaluator.logits_and_loss(labels)
    if flip:
        mirrored = Evaluator(network, _mirrored(data.images), scaling).logits()
        P = (probabilities(Z) + probabilities(mirrored)) / 2
        Z = np.log(np.maximum(P, np.finfo(np.float32).tiny))
        loss = -float(np.mean(Z[np.arange(len(Z)), labels], dtype=np.float64))
    confusion = confusion_matrix(labels, np.argmax(Z, axis=1), len(class_names))
    correct = int(np.trace(confusion))
    return Evaluation(
        dataset=data.name,
        part=data.part,
        n=len(labels),
        correct=correct,
        accuracy=correct / len(labels),
        accuracy_interval=wilson_interval(correct, len(labels)),
        loss=loss,
        temperature=temperature,
        calibration_error=error_at(Z, labels, temperature),
        uncalibrated_error=error_at(Z, labels),
        confusion_matrix=confusion.tolist(),
        class_scores=class_scores(confusion, class_names),
        weights=weights,
    )


def _mirrored(images: Images) -> Images:
    if images.ndim == 2:
        raise DataError(
            "features have no mirror image",
            found=shape_in_words(images.shape[1:]),
            wanted="images",
            fix="evaluate them without flip",
        )
    return images[:, :, ::-1]


def confusion_matrix(
    labels: Labels, predicted: NDArray[np.integer[Any]], classes: int
) -> NDArray[np.int64]:
    """Counts (true class, predicted class)."""
    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def class_scores(confusion: NDArray[np.int64], class_names: tuple[str, ...]) -> list[ClassScore]:
    """Precision, recall and F1 of each class; 0 where a denominator is 0."""
    counts = (confusion.diagonal(), confusion.sum(axis=0), confusion.sum(axis=1))
    return [
        ClassScore(
            name=name,
            precision=correct / max(1, predicted),
            recall=correct / max(1, support),
            f1=2 * correct / max(1, predicted + support),
            support=support,
        )
        for name, correct, predicted, support in zip(
            class_names, *(column.tolist() for column in counts), strict=True
        )
    ]


def most_confused(
    confusion: list[list[int]], classes: Sequence[_Class], most: int = 5
) -> list[tuple[_Class, _Class, int]]:
    """(true class, predicted class, images) of the most frequent mistakes, in falling order.

    `classes` is what stands for each class in the result: its name, number or scores.
    """
    mistakes = [
        (-count, true, predicted)
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]
    return [
        (classes[true], classes[predicted], -count)
        for count, true, predicted in sorted(mistakes)[:most]
    ]


def confident_mistakes(labels: Labels, P: Matrix) -> Indices:
    """Positions of the wrong predictions, those with the highest probability first."""
    wrong = np.flatnonzero(np.argmax(P, axis=1) != labels)
    return wrong[np.argsort(-P[wrong].max(axis=1), kind="stable")]


def wilson_interval(correct: int, n: int) -> tuple[float, float]:
    """95 % score interval of a fraction (E. B. Wilson, JASA 22, 1927, 209-212)."""
    if n == 0:
        return 0.0, 1.0
    p, z2 = correct / n, _Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    # By rounding a bound may lie on the wrong side of the fraction itself.
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def calibration_bins(P: Matrix, labels: Labels, n: int = 15) -> list[CalibrationBin]:
    """Images in n equal bins of confidence, the probability of the predicted class."""
    confidence = np.max(P, axis=1).astype(np.float64)
    bins = np.minimum((confidence * n).astype(np.intp), n - 1)
    sums = (
        np.bincount(bins, weights=each, minlength=n).tolist()
        for each in (np.ones(len(P)), confidence, np.argmax(P, axis=1) == labels)
    )
    return [
        CalibrationBin(
            low=number / n,
            high=(number + 1) / n,
            count=int(count),
            confidence=confidences / max(1, count),
            accuracy=correct / max(1, count),
        )
        for number, (count, confidences, correct) in enumerate(zip(*sums, strict=True))
    ]


def calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Expected calibration error over bins of confidence (arXiv:1706.04599); 0 without images.

    The mean over all images of |accuracy − confidence| of the bin they fall in.
    """
    n = sum(bin_.count for bin_ in bins)
    return sum(bin_.count * abs(bin_.accuracy - bin_.confidence) for bin_ in bins) / max(1, n)


def error_at(Z: Matrix, labels: Labels, temperature: float = 1.0) -> float:
    """Expected calibration error of logits Z (n, classes) at a temperature."""
    return calibration_error(calibration_bins(probabilities(Z, temperature), labels))


def fit_temperature(Z: Matrix, labels: Labels) -> float:
    """T of the least mean cross-entropy of softmax(Z / T): temperature scaling (arXiv:1706.04599).

    1 where no T is the best: where every image is classified correctly, a smaller one is always
    better.
    """
    logits = Z.astype(np.float64) - Z.max(axis=1, keepdims=True)
    wanted = np.take_along_axis(logits, labels.astype(np.intp)[:, None], axis=1)[:, 0]
    if not np.any(wanted < 0):
        return 1.0
    low, high = (1 / bound for bound in reversed(_TEMPERATURES))
    # The loss is convex in 1 / T: its derivative, the mean of E(z) − z of the label, only rises.
    for _ in range(60):
        middle = sqrt(low * high)
        weights = np.exp(logits * middle)
        expected = (weights * logits).sum(axis=1) / weights.sum(axis=1)
        if np.mean(expected - wanted) < 0:
            low = middle
        else:
            high = middle
    return 1 / high
