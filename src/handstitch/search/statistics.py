"""What repeated trials can tell: intervals, and which settings are worse than the best one.

A table holds one accuracy for each (setting, repeat). Repeat r trains every setting from the same
seed, so on the same split, from the same initial weights where the shapes agree, in the same
order of images: what a seed does to all settings alike is no difference between them, and is
taken out first, as a block is in a field trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf, isclose, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Before SciPy: it chooses the kernels of SciPy's BLAS, once for the whole process.
import handstitch.core.blas  # noqa: F401

Table = NDArray[np.float64]
"""(settings, repeats)."""
Interval = tuple[float, float]

ALPHA: Final = 0.05
"""How often a difference may be seen where there is none."""


def mean_interval(values: Sequence[float] | Table, alpha: float = ALPHA) -> Interval | None:
    """mean ± t s/√n: where the mean over endlessly many seeds lies, at 1 − alpha.

    Student, Biometrika 6 (1908). None for fewer than two values: they say nothing of their spread.
    """
    data = np.asarray(values, np.float64)
    if len(data) < 2:
        return None
    half = student(len(data) - 1, alpha) * float(np.std(data, ddof=1)) / sqrt(len(data))
    mean = float(np.mean(data))
    return mean - half, mean + half


def next_interval(values: Sequence[float] | Table, alpha: float = ALPHA) -> Interval | None:
    """mean ± t s √(1 + 1/n): where one more value lies, at 1 − alpha; None for fewer than two."""
    data = np.asarray(values, np.float64)
    if len(data) < 2:
        return None
    half = student(len(data) - 1, alpha) * float(np.std(data, ddof=1)) * sqrt(1 + 1 / len(data))
    mean = float(np.mean(data))
    return mean - half, mean + half


def student(freedom: float, alpha: float = ALPHA) -> float:
    """What |t| with so many degrees of freedom exceeds with probability alpha."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - alpha / 2))


def binomial_error(accuracy: float, images: int) -> float:
    """√(p(1 − p)/n): the standard error that an accuracy has from its n images alone."""
    return sqrt(accuracy * (1 - accuracy) / images) if images else inf


def residual_variance(table: Table) -> float:
    """What is left of the variance when each setting's mean and each repeat's are taken out.

    Degrees of freedom (settings − 1)(repeats − 1); at least two of each.
    """
    settings, repeats = table.shape
    rows = table.mean(axis=1, keepdims=True)
    columns = table.mean(axis=0, keepdims=True)
    residuals = table - rows - columns + table.mean()
    return float(np.sum(residuals**2) / ((settings - 1) * (repeats - 1)))


@lru_cache(maxsize=4096)
def critical_range(settings: int, freedom: int, alpha: float = ALPHA) -> float:
    """What (largest − smallest mean)/standard error of one mean exceeds with probability alpha
    when all settings are equal: the upper quantile of the studentised range.

    J. W. Tukey, The problem of multiple comparisons (1953). To three digits, from below by no
    more than that: SciPy's own quantile takes six times as long.
    """
    from scipy.optimize import brentq
    from scipy.stats import studentized_range

    if settings == 2:
        return float(sqrt(2) * student(freedom, alpha))
    low, high = _bounds(settings, freedom, alpha)
    return float(
        brentq(lambda q: studentized_range.sf(q, settings, freedom) - alpha, low, high, rtol=5e-4)
    )


def _bounds(settings: int, freedom: int, alpha: float) -> Interval:
    """Between which the critical range lies: that of one pair, and of all pairs by Bonferroni."""
    pairs = settings * (settings - 1) / 2
    return sqrt(2) * student(freedom, alpha), sqrt(2) * student(freedom, alpha / pairs)


def chance_range(table: Table, alpha: float = ALPHA) -> float:
    """How far the highest and the lowest mean of so many equal settings lie apart in all but
    `alpha` of searches.

    Infinite for one repeat. `table` has at least two settings.
    """
    settings, repeats = table.shape
    if repeats < 2:
        return inf
    error = sqrt(residual_variance(table) / repeats)
    return error * critical_range(settings, (settings - 1) * (repeats - 1), alpha)


def tied_with_best(table: Table, alpha: float = ALPHA) -> list[bool]:
    """For each setting whether it cannot be told from the one with the highest mean.

    The settings that are left are judged worst first. If the range of their means is no wider
    than chance makes it (studentised range, seeds as blocks, variance from those that are left),
    all of them are tied, and it ends. Else the worst one is worse than the best, if its own
    differences from the best, repeat by repeat, say so, too (Student's t): one unsteady setting
    among steady ones must not pass on the strength of the others' steadiness. All are tied where
    there is one repeat alone.

    That a setting which is as good as any is called worse happens in at most `alpha` of all
    searches: the elimination of P. R. Hansen, A. Lunde, J. M. Nason, The model confidence set,
    Econometrica 79 (2011) 453-497, with the exact quantiles of normal errors in place of the
    bootstrap. docs/ranking.md has the simulations.
    """
    tied = [True] * len(table)
    order, left = _judged(table, alpha)
    best = table[order[0]]
    for row in order[left:]:
        tied[row] = not _differs(best - table[row], alpha)
    return tied


def decisive_width(table: Table, row: int, alpha: float = ALPHA) -> float:
    """The difference to the best, or of the best to the next, from which `row` would have been
    judged otherwise: half an interval around it.

    It is the wider of the two that `tied_with_best` asks for: the `chance_range` of the settings
    that were left when its turn came, or when all of them were found tied, and that of its own
    differences. Infinite for one repeat.
    """
    order, left = _judged(table, alpha)
    place = int(np.flatnonzero(order == row)[0]) + 1
    other = order[1] if place == 1 else row
    own = mean_interval(table[order[0]] - table[other], alpha)
    if own is None:
        return inf
    return max(chance_range(table[order[: max(2, left, place)]], alpha), (own[1] - own[0]) / 2)


def _judged(table: Table, alpha: float) -> tuple[NDArray[np.intp], int]:
    """(rows from best to worst, how many of them were left when chance explained the rest)."""
    order = np.argsort(-table.mean(axis=1), kind="stable")
    left = len(table)
    while left > 1 and table.shape[1] > 1 and _range_is_wide(table[order[:left]], alpha):
        left -= 1
    return order, left


def _range_is_wide(table: Table, alpha: float) -> bool:
    settings, repeats = table.shape
    means = table.mean(axis=1)
    width = float(means.max() - means.min())
    freedom = (settings - 1) * (repeats - 1)
    error = sqrt(residual_variance(table) / repeats)
    low, high = _bounds(settings, freedom, alpha)
    if width < low * error or _nothing(width):
        return False
    if width >= high * error:
        return True
    return bool(width >= critical_range(settings, freedom, alpha) * error)


def _differs(differences: Table, alpha: float) -> bool:
    interval = mean_interval(differences, alpha)
    return interval is not None and interval[0] > 0 and not _nothing(float(differences.mean()))


def _nothing(difference: float) -> bool:
    """Whether means differ by rounding alone."""
    return isclose(difference, 0, abs_tol=1e-12)


def score_of_choice(table: Table) -> float:
    """The mean accuracy of the choice on repeats that had no say in it.

    For each repeat in turn, the best setting by all others is looked up in this one: what the
    winner would get on a seed that did not make it win. The winner's own mean is higher, as every
    maximum over noisy figures is. S. Varma, R. Simon, BMC Bioinformatics 7 (2006) 91;
    G. C. Cawley, N. L. C. Talbot, JMLR 11 (2010) 2079-2107. At least two repeats.
    """
    repeats = table.shape[1]
    scores = []
    for repeat in range(repeats):
        others = np.delete(table, repeat, axis=1).mean(axis=1)
        scores.append(float(table[int(np.argmax(others)), repeat]))
    return sum(scores) / len(scores)
