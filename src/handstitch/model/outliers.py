"""Outlier detector: how far an image lies from those that the network was trained on.

The Mahalanobis distance to the nearest class (K. Lee et al., arXiv:1807.03888), of the square roots
of the last hidden layer's outputs, which are closer to a normal distribution than the outputs
themselves. docs/uncertainty.md has its figures, and those of other scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Labels, Matrix, Vector
from handstitch.core.blas import gemm
from handstitch.errors import Call, ModelFileError, Phrase
from handstitch.evaluation import Evaluator

ACCEPTED: Final = 0.95
"""The fraction of the validation images that lies within distance 1."""
FEWEST: Final = 100
"""Validation images that a detector needs, and a temperature."""
_RIDGE: Final = 0.1
"""Added to each unit's variance, as a part of their mean: one that hardly varies decides little."""
_CONSTANT: Final = 1e-9
"""Variance within the classes, as a part of the mean square, that is rounding alone."""


class OutlierDetector(NamedTuple):
    """Distance of an image = min over the classes k of ‖a R − mₖ‖, a the roots of its outputs."""

    means: Matrix
    """m (classes, width): the mean of each class, times R."""
    whitening: Matrix
    """R (width, width): makes the classes' shared covariance a multiple of the identity."""

    @classmethod
    def fit(
        cls, training: Evaluator, labels: Labels, validation: Evaluator, Z: Matrix | None = None
    ) -> Self | None:
        """The detector of training images with `labels` (n,), its unit set by validation images,
        whose logits go into `Z` where it is given.

        None where no distance can be measured: the outputs are constant, or not finite in float32.
        """
        *_, width, classes = training.network.parameters.sizes
        sums, squares = np.zeros((classes, width)), np.zeros((width, width))
        counts = np.bincount(labels, minlength=classes)[:, None]
        for rows, a in _roots(training, np.float64):
            gemm(1, np.eye(classes)[labels[rows]].T, a, 1, sums)
            gemm(1, a.T, a, 1, squares)
        # A class without an image has the mean of all.
        means = np.where(counts > 0, sums / np.maximum(counts, 1), sums.sum(axis=0) / len(labels))
        covariance = (squares - (counts * means).T @ means) / len(labels)
        variance = np.trace(covariance) / width
        if not variance * len(labels) > _CONSTANT * np.trace(squares) / width:  # NaN, too
            return None
        covariance[np.diag_indices(width)] += _RIDGE * variance
        R = np.linalg.inv(np.linalg.cholesky(covariance)).T
        found = cls((means @ R).astype(np.float32), R.astype(np.float32))
        unit = np.quantile(found.distances(validation, Z), ACCEPTED).astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = cls(found.means / unit, found.whitening / unit)
        return found if all(np.isfinite(array).all() for array in found) else None

    def distances(self, evaluator: Evaluator, Z: Matrix | None = None) -> Vector:
        """The distance of each image (n,); one beyond 1 is an outlier. Logits go into `Z`."""
        found = [np.empty(0, np.float32)]
        for _, a in _roots(evaluator, np.float32, Z):
            whitened = np.empty((len(a), len(self.whitening)), np.float32)
            gemm(1, a, self.whitening, 0, whitened)
            squares = [np.square(whitened - mean).sum(axis=1) for mean in self.means]
            found.append(np.sqrt(np.min(squares, axis=0)))
        return np.concatenate(found)


def is_possible(sizes: Sequence[int]) -> bool:
    """Whether a network of these layer sizes may have a detector: it has a hidden layer, and more
    weights than the detector has numbers.
    """
    weights = sum(inputs * outputs for inputs, outputs in pairwise(sizes))
    return len(sizes) > 2 and sum(map(prod, shapes(sizes))) <= weights


def shapes(sizes: Sequence[int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Those of the arrays of a detector for a network of these layer sizes."""
    *_, width, classes = sizes
    return (classes, width), (width, width)


class NoDetectorError(ModelFileError, AttributeError):
    """As scikit-learn asks: `hasattr` says that a method is missing which would raise."""


def missing_detector(path: Path | None) -> NoDetectorError:
    """The error for the model in the file `path`, if it is in one, that has no detector."""
    return NoDetectorError(
        "this model cannot say how like its training samples a sample is",
        file=path,
        found="no outlier detector",
        wanted=f"a model of a finished training, with at least {FEWEST} validation samples and a "
        "hidden layer that is not wider than the others",
        fix=Phrase("train one: {}", Call("train")),
    )


def _roots(
    evaluator: Evaluator, dtype: Any, Z: Matrix | None = None
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """a = sign(A) √|A| of the last hidden layer's outputs A (n, width), batch by batch."""
    for rows, work in evaluator.batches():
        if Z is not None:
            Z[rows] = work.outputs[-1]
        A = work.outputs[-2].astype(dtype)
        yield rows, np.copysign(np.sqrt(np.abs(A)), A)
