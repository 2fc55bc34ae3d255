"""Drift: can a network tell the samples of another part from those of training?

A classifier two-sample test (D. Lopez-Paz, M. Oquab, Revisiting classifier two-sample tests, ICLR
2017): a network learns which part half of the samples are from, and is judged by the other half.
"""

from __future__ import annotations

from math import erfc, sqrt
from typing import Final, NamedTuple

import numpy as np

from handstitch.arrays import Matrix
from handstitch.config import Config
from handstitch.data.dataset import Dataset
from handstitch.doctor.quick_network import Report, probabilities, settings, train
from handstitch.randomness import Purpose, generator

MOST: Final = 10_000
"""Samples of each part."""
FEWEST: Final = 50
_EXPECTED: Final = 5
"""Samples of a class that each part must expect for the χ² test."""


class Separation(NamedTuple):
    """How well a network tells two parts apart."""

    samples: int
    auc: float
    deviation: float
    p: float


def separation(one: Dataset, other: Dataset, config: Config, report: Report) -> Separation:
    """The AUC of a network that tells `other` from `one`, on samples it was not trained on.

    As many samples of each part, at most MOST. Where both parts are of one source the AUC is
    Mann and Whitney's U by n²: mean 1/2, variance (2n + 1)/(12n²) for n judged samples of each,
    and nearly normal; `p` is one-sided.
    """
    each = min(len(one), len(other), MOST)
    rng = generator(config.seed, Purpose.FOLDS, 1)
    chosen = [np.sort(rng.permutation(len(part))[:each]) for part in (one, other)]
    halves = np.concatenate([rng.permutation(each) < each // 2 for _ in chosen])
    images = np.concatenate(
        [part.images[rows] for part, rows in zip((one, other), chosen, strict=True)]
    )
    labels = np.repeat(np.arange(2, dtype=np.uint8), each)
    data = Dataset(one.name, "train", images, labels, (one.part, other.part), one.location)
    seen, judged = np.flatnonzero(halves), np.flatnonzero(~halves)
    trainer = train(data, seen, judged, settings(len(seen), config.seed, config), report)
    scores = probabilities(trainer, images[judged])[:, 1]
    n = each - each // 2
    found, deviation = auc(scores[:n], scores[n:]), sqrt((2 * n + 1) / (12 * n * n))
    return Separation(2 * n, found, deviation, erfc((found - 0.5) / deviation / sqrt(2)) / 2)


def auc(low: Matrix, high: Matrix) -> float:
    """Fraction of pairs in which the score of `high` is the higher one; ties count half."""
    ordered = np.sort(low)
    below, up_to = (np.searchsorted(ordered, high, side) for side in ("left", "right"))
    return float((below + up_to).mean() / 2 / len(low))


def classes_p(one: Dataset, other: Dataset) -> float | None:
    """p of Pearson's χ² test that both parts have the classes in the same proportion.

    Of classes of which each part expects 5 samples or more; None where those are fewer than two.
    """
    from scipy.special import gammaincc

    counts = np.array([one.counts(), other.counts()], np.float64)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    counts = counts[:, expected.min(axis=0) >= _EXPECTED]
    if counts.shape[1] < 2:
        return None
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return float(gammaincc((counts.shape[1] - 1) / 2, statistic / 2))
