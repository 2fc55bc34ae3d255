"""Two recipes over their seeds: Student's t, paired where the seeds agree, and seeds that decide.

A seed decides the split, the order of the images and the first weights of both recipes alike, so
differences are taken seed by seed, as in `search.statistics`. Without common seeds each recipe has
its own mean and spread, and the test is Welch's.

Where each seed has images of its own, the spread over the seeds has the chance of the images in it.
Where all are measured on the same ones, as on a test set, it has not: the standard error of the
mean difference over these images is then added.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from typing import Final, NamedTuple

import numpy as np

from handstitch.comparison.paired_proportions import POWER
from handstitch.search.statistics import ALPHA, Interval, Table, student

MOST: Final = 1000
"""Seeds that anybody is asked for; more is "more than MOST"."""
_UNSURE: Final = 0.2
"""Probability that the true spread is above the one that a plan reckons with."""


class Difference(NamedTuple):
    """The difference of two means of accuracies, second less first."""

    mean: float
    interval: Interval | None
    """At 1 − alpha; None where fewer than two seeds show a spread."""
    deviation: float | None
    """Standard deviation: of the differences if paired, else of one seed, pooled."""
    freedom: float
    """Degrees of freedom of the deviation."""
    image_error: float
    """Standard error of the mean over the images, where it is not in the deviation; else 0."""
    is_paired: bool


def paired(
    first: Table, second: Table, alpha: float = ALPHA, image_error: float = 0.0
) -> Difference:
    """Of accuracies (seeds,) of the same seeds: mean ± t s/√n of their differences."""
    differences = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    n, mean = len(differences), float(differences.mean())
    if n < 2:
        return Difference(mean, None, None, 0, image_error, is_paired=True)
    variance = float(np.var(differences, ddof=1))
    half, _ = _half_width([(variance / n, n - 1)], image_error, alpha)
    interval = mean - half, mean + half
    return Difference(mean, interval, sqrt(variance), n - 1, image_error, is_paired=True)


def unpaired(
    first: Table, second: Table, alpha: float = ALPHA, image_error: float = 0.0
) -> Difference:
    """Of accuracies (seeds,) of different seeds: B. L. Welch, Biometrika 34 (1947) 28-35."""
    sizes = len(first), len(second)
    mean = float(np.mean(second) - np.mean(first))
    if min(sizes) < 2:
        return Difference(mean, None, None, 0, image_error, is_paired=False)
    errors = [float(np.var(each, ddof=1)) / len(each) for each in (first, second)]
    parts = [(error, n - 1) for error, n in zip(errors, sizes, strict=True)]
    half, freedom = _half_width(parts, image_error, alpha)
    # The variance of one seed for which equal groups would have this error.
    deviation = sqrt(sum(errors) / sum(1 / n for n in sizes))
    interval = mean - half, mean + half
    return Difference(mean, interval, deviation, freedom, image_error, is_paired=False)


def _half_width(
    parts: Sequence[tuple[float, float]], image_error: float, alpha: float
) -> tuple[float, float]:
    """(t √(v₁ + v₂ + …), degrees of freedom of v₁ + v₂ + … without the images).

    `parts` are variances of a mean, with their degrees of freedom; the images are so many that
    theirs count as infinite. F. E. Satterthwaite, Biometrics Bulletin 2 (1946) 110-114.
    """
    seeds = sum(variance for variance, _ in parts)
    total = seeds + image_error**2
    weights = sum(variance**2 / freedom for variance, freedom in parts)
    if not weights:
        return student(1e9, alpha) * sqrt(total), sum(freedom for _, freedom in parts)
    return student(total**2 / weights, alpha) * sqrt(total), seeds**2 / weights


def seeds_needed(found: Difference, alpha: float = ALPHA) -> int | None:
    """Seeds of each recipe that show a difference of this size with probability POWER.

    Few seeds know little of their own spread: it counts at the upper end of what they allow
    (R. H. Browne, Statist. Med. 14 (1995) 1933-1940). None where the spread is unknown or the
    difference is 0; MOST + 1 where no number up to MOST is enough, as the images do not show it.
    """
    if found.deviation is None or not found.mean:
        return None
    spread = upper_deviation(found.deviation, found.freedom)
    enough = np.flatnonzero(_detectable(found, spread, alpha) <= abs(found.mean))
    return int(enough[0]) + 2 if len(enough) else MOST + 1


def detectable(found: Difference, seeds: int, alpha: float = ALPHA) -> float | None:
    """The difference that so many seeds of each show with probability POWER, at this spread."""
    if found.deviation is None or not 2 <= seeds <= MOST:
        return None
    return float(_detectable(found, found.deviation, alpha)[seeds - 2])


def _detectable(found: Difference, deviation: float, alpha: float) -> Table:
    """For 2, 3, … MOST seeds the difference that they show on these images with POWER."""
    effects = smallest_effects(alpha, found.is_paired)
    # Very many seeds leave the images, as if their error were that of one with a known spread.
    of_images = float(effects[-1]) * sqrt(MOST / (1 if found.is_paired else 2)) * found.image_error
    both: Table = np.hypot(effects * deviation, of_images)
    return both


def upper_deviation(deviation: float, freedom: float) -> float:
    """Upper bound of a standard deviation, which the true one exceeds with probability 0.2."""
    from scipy.special import chdtri

    return deviation * sqrt(freedom / float(chdtri(freedom, 1 - _UNSURE)))


@lru_cache(maxsize=64)
def smallest_effects(alpha: float, is_paired: bool) -> Table:
    """For 2, 3, … MOST seeds the difference, in standard deviations, that they show with POWER.

    From the noncentral t: n − 1 degrees of freedom if paired, 2(n − 1) and an error larger by √2
    if not.
    """
    from scipy.special import nctdtr, stdtrit

    n = np.arange(2, MOST + 1)
    freedom = (n - 1) * (1 if is_paired else 2)
    critical = stdtrit(freedom, 1 - alpha / 2)
    low, high = np.zeros(len(n)), 1.5 * critical + 10  # in standard errors
    for _ in range(40):
        middle = (low + high) / 2
        is_low = 1 - nctdtr(freedom, middle, critical) < POWER
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    effects: Table = high * np.sqrt((1 if is_paired else 2) / n)
    return effects
