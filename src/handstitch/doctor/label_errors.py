"""Likely label errors by confident learning: labels that are improbable to networks trained without
them.

C. G. Northcutt, L. Jiang, I. L. Chuang, Confident learning: estimating uncertainty in dataset
labels, Journal of Artificial Intelligence Research 70, 2021: out-of-sample probabilities by
cross-validation, a threshold for each class (equation 2), the confident joint (equation 1), and
the ranking by self-confidence (section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Indices, Labels, Matrix
from handstitch.config import Config
from handstitch.data.batches import choose
from handstitch.data.dataset import Dataset
from handstitch.doctor.quick_network import Report, probabilities, settings, train
from handstitch.randomness import Purpose, generator

FOLDS: Final = 5


class Judgement(NamedTuple):
    """What the networks say of the labels of one part."""

    thresholds: Matrix
    """(classes,): the mean self-confidence of each class; NaN where the part has none of it."""
    order: Indices
    """Positions of the samples that can be judged, the least probable label first."""
    self_confidence: Matrix
    """(samples,): the probability of each label."""
    suggested: Indices
    """(samples,): the most probable class besides the label's."""
    confidence: Matrix
    """(samples,): the probability of that class."""
    is_counted: NDArray[np.bool_]
    """(samples,): whether it is off the diagonal of the confident joint."""


def can_judge(labels: Labels, classes: int) -> NDArray[np.bool_]:
    """(classes,): whether there are samples of a class for every fold."""
    enough: NDArray[np.bool_] = np.bincount(labels, minlength=classes) >= 2 * FOLDS
    return enough


def out_of_sample(
    train_part: Dataset, first: Indices, others: Sequence[Dataset], config: Config, report: Report
) -> list[Matrix]:
    """P (samples, classes) of the training part, then of each other part.

    Each training sample is judged by the one network of FOLDS that has not seen it, nor a copy of
    it (`first`: positions of the first copies); the other parts by the mean of all.
    """
    fold = folds_of(train_part.labels, first, config.seed)
    P = np.zeros((len(train_part), len(train_part.class_names)), np.float32)
    means = [np.zeros((len(other), P.shape[1]), np.float32) for other in others]
    for number in range(FOLDS):
        rows, held_out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        trainer = train(
            train_part,
            rows,
            held_out,
            settings(len(rows), config.seed + number, config),
            lambda done, number=number: report((number + done) / FOLDS),  # type: ignore[misc]
        )
        P[held_out] = probabilities(trainer, choose(train_part.images, held_out))
        for mean, other in zip(means, others, strict=True):
            np.add(mean, probabilities(trainer, other.images) / FOLDS, mean)
    return [P, *means]


def folds_of(labels: Labels, first: Indices, seed: int) -> Indices:
    """The fold of each sample: of each class as many in every fold, and copies in the same one."""
    order = generator(seed, Purpose.FOLDS).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), np.intp)
    fold[order] = np.arange(len(labels)) % FOLDS
    return fold[first]


def judge(P: Matrix, labels: Labels, judged: NDArray[np.bool_]) -> Judgement:
    """Confident learning on these out-of-sample probabilities.

    `judged` (classes,): classes whose labels are ranked.
    """
    P = P.astype(np.float64)
    rows, classes = np.arange(len(P)), P.shape[1]
    self_confidence = P[rows, labels]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, self_confidence, classes)
    thresholds = np.divide(sums, counts, np.full(classes, np.nan), where=counts > 0)
    confident = np.where(thresholds <= P, P, -1.0)  # False for NaN
    is_counted = (confident.max(axis=1) > 0) & (confident.argmax(axis=1) != labels)
    besides = P.copy()
    besides[rows, labels] = -1
    suggested = besides.argmax(axis=1)
    order = np.argsort(self_confidence, kind="stable")
    return Judgement(
        thresholds,
        order[judged[labels[order]]],
        self_confidence,
        suggested,
        besides[rows, suggested],
        is_counted & judged[labels],
    )
