"""Confidence intervals over seeds, comparison of candidates with the best, parameter importance.

A table holds one accuracy for each (candidate, repeat). Repeat r trains every candidate with the
same seed, so on the same split, from the same initial weights where the shapes agree, in the same
order of images. Seeds are blocks, as in a randomized block design: what a seed does to all
candidates alike is not a difference between them, and is removed first.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf, isclose, prod, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from handstitch.machine.libraries import load_blas

load_blas()  # before the functions below load SciPy, whose BLAS takes its kernels only once

Table = NDArray[np.float64]
"""(candidates, repeats)."""
Interval = tuple[float, float]

ALPHA: Final = 0.05
"""Significance level: probability of finding a difference where there is none."""
_GROUPS: Final = 4
_FEW: Final = 6
"""A parameter with more values than this is cut into _GROUPS of equal size."""


def mean_interval(values: Sequence[float] | Table, alpha: float = ALPHA) -> Interval | None:
    """mean ± t s/√n: confidence interval of the mean, at 1 − alpha.

    Student, Biometrika 6 (1908). None for fewer than two values, which have no spread.
    """
    n = len(values)
    if n < 2:
        return None
    half = student(n - 1, alpha) * float(np.std(values, ddof=1)) / sqrt(n)
    mean = float(np.mean(values))
    return mean - half, mean + half


def student(freedom: float, alpha: float = ALPHA) -> float:
    """Two-sided critical value of Student's t: |t| exceeds it with probability alpha."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - alpha / 2))


def binomial_error(accuracy: float, images: int) -> float:
    """√(p(1 − p)/n): standard error of an accuracy p on n images."""
    return sqrt(accuracy * (1 - accuracy) / images) if images else inf


def residual_variance(table: Table) -> float:
    """s²: residual variance of the two-way table, without the means of candidates and of repeats.

    Degrees of freedom (candidates − 1)(repeats − 1); at least two of each.
    """
    candidates, repeats = table.shape
    rows = table.mean(axis=1, keepdims=True)
    columns = table.mean(axis=0, keepdims=True)
    residuals = table - rows - columns + table.mean()
    return float(np.sum(residuals**2) / ((candidates - 1) * (repeats - 1)))


@lru_cache(maxsize=4096)
def critical_range(candidates: int, freedom: int) -> float:
    """q: upper quantile of the studentised range, (largest − smallest mean)/standard error of one
    mean, which equal candidates exceed with probability ALPHA.

    J. W. Tukey, The problem of multiple comparisons (1953). To three digits: SciPy's own quantile
    takes twice as long.
    """
    from scipy.optimize import brentq
    from scipy.stats import studentized_range

    low, high = _bounds(candidates, freedom)
    if candidates == 2:
        return low
    return float(
        brentq(lambda q: studentized_range.sf(q, candidates, freedom) - ALPHA, low, high, rtol=5e-4)
    )


def _bounds(candidates: int, freedom: int) -> Interval:
    """Bounds of the critical range: that of one pair, and that of all pairs by Bonferroni."""
    pairs = candidates * (candidates - 1) / 2
    return sqrt(2) * student(freedom), sqrt(2) * student(freedom, ALPHA / pairs)


def indistinguishable_from_best(table: Table) -> list[bool]:
    """For each candidate, whether it is indistinguishable from the one with the highest mean.

    1. Worst first, a candidate is set aside while the range of the means that are left exceeds the
       critical difference q s/√n: studentised range, seeds as blocks, s² from those that are left.
    2. Of those set aside, the best one whose difference from the highest mean exceeds q s/√n also
       with the variance of that very difference in place of s², where it is larger, is lower; so
       are all that stand below it. The others remain indistinguishable: one unsteady candidate
       must not pass, or fail, on the strength of the others' steadiness.

    So a verdict never contradicts the order of the means. With one repeat all are
    indistinguishable. Where all candidates are equally unsteady, a candidate that is as good as
    any is called lower in at most ALPHA of all searches: the elimination of P. R. Hansen,
    A. Lunde, J. M. Nason, The model confidence set, Econometrica 79 (2011) 453-497, with the exact
    quantiles of normal errors in place of the bootstrap. docs/ranking.md has the simulations.
    """
    order, _, lower = _judged(table)
    verdicts = np.ones(len(table), bool)
    verdicts[order[lower:]] = False
    return verdicts.tolist()


def half_width(table: Table, row: int) -> float:
    """Half-width of the interval of the difference between `row` and the best, or the best and the
    next: a difference of this size changes the verdict of `indistinguishable_from_best`.

    Infinite for one repeat.
    """
    if table.shape[1] < 2:
        return inf
    order, left, lower = _judged(table)
    place = max(1, int(np.flatnonzero(order == row)[0]))
    table, count = table[order], max(left, place + 1)
    error = sqrt(_larger_variance(table, place, count) / table.shape[1])
    width = error * critical_range(count, (count - 1) * (table.shape[1] - 1))
    if place > lower:
        # Whatever its own variance: it is below one that is lower.
        width = min(width, float(np.mean(table[0] - table[lower])))
    return width


def _judged(table: Table) -> tuple[NDArray[np.intp], int, int]:
    """(rows from best to worst, number left by the elimination, place from which all are lower)."""
    order = np.argsort(-table.mean(axis=1), kind="stable")
    table = table[order]
    left = lower = len(table)
    if table.shape[1] < 2:
        return order, left, lower
    while left > 1 and _exceeds(table[:left], residual_variance(table[:left])):
        left -= 1
    for place in range(left, lower):
        if _exceeds(table[: place + 1], _larger_variance(table, place, place + 1)):
            return order, left, place
    return order, left, lower


def _exceeds(table: Table, variance: float) -> bool:
    """Whether first and last mean of the sorted `table` differ by more than chance explains."""
    candidates, repeats = table.shape
    width = float(np.mean(table[0] - table[-1]))
    error = sqrt(variance / repeats)
    freedom = (candidates - 1) * (repeats - 1)
    low, high = _bounds(candidates, freedom)
    if width < low * error or isclose(width, 0, abs_tol=1e-12):  # by rounding alone
        return False
    return width >= high * error or width >= critical_range(candidates, freedom) * error


def _larger_variance(table: Table, place: int, count: int) -> float:
    """The larger of s² of the `count` best, and half the variance of the difference at `place`."""
    return max(residual_variance(table[:count]), float(np.var(table[0] - table[place], ddof=1)) / 2)


def unbiased_score(table: Table) -> float:
    """Mean accuracy of the choice on repeats that were not used for choosing: cross-validation.

    For each repeat in turn, the best candidate by all others is scored on this one: the winner's
    expected accuracy on a new seed. The winner's own mean is higher, as the maximum of noisy
    figures is. S. Varma, R. Simon, BMC Bioinformatics 7 (2006) 91;
    G. C. Cawley, N. L. C. Talbot, JMLR 11 (2010) 2079-2107. At least two repeats.
    """
    repeats = range(table.shape[1])
    chosen = [int(np.argmax(np.delete(table, repeat, 1).mean(axis=1))) for repeat in repeats]
    return float(np.mean(table[chosen, repeats]))


def importance(table: Table, parameters: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Parameter → ω², the share of the variance between trials that it explains, highest first.

    `parameters` are those of each row of `table`.

    From a one-way analysis of variance for each parameter (W. L. Hays, Statistics for
    Psychologists, 1963), without what a seed does to all candidates alike, and less what the
    other parameters and chance would explain. A parameter with many values is cut into quarters.
    In a full grid these are the main effects, and they add up to 1 at most. Elsewhere parameters
    vary together, and what they share counts for each of them. A parameter is left out if none of
    its groups has two candidates: it would explain everything.
    """
    names = parameters[0] if parameters else ()
    shares = {
        name: _explained(table, _grouped([values.get(name) for values in parameters]))
        for name in names
    }
    known = {name: share for name, share in shares.items() if share is not None}
    return dict(sorted(known.items(), key=lambda item: (-item[1], item[0])))


def is_full_grid(parameters: Sequence[dict[str, Any]]) -> bool:
    """Whether every combination of the parameters' values occurs exactly once."""
    combinations = {tuple(map(repr, values.values())) for values in parameters}
    sizes = [len(set(column)) for column in zip(*combinations, strict=True)]
    return len(combinations) == len(parameters) == prod(sizes)


def _explained(table: Table, groups: list[int]) -> float | None:
    """ω² of the groups of rows; None if it is undefined."""
    candidates, repeats = table.shape
    values: Table = table - table.mean(axis=0)
    count = len(set(groups))
    if count < 2 or candidates == count:
        return None
    means = values.mean(axis=1)
    labels = np.array(groups)
    fitted = np.array([means[labels == group].mean() for group in groups])
    between = repeats * float(np.sum((fitted - means.mean()) ** 2))
    # Trials of one candidate are not independent: candidates within a group are the error term.
    error = repeats * float(np.sum((means - fitted) ** 2)) / (candidates - count)
    total = float(np.sum(values**2))
    if total < 1e-12:  # rounding: one image in 6,000 gives 3e-8
        return 0.0
    return float(max(0.0, (between - (count - 1) * error) / (total + error)))


def _grouped(values: list[Any]) -> list[int]:
    """The group of each value: equal values, or a quarter of many numbers.

    A network counts by its number of hidden units.
    """
    sizes = [
        sum(value)
        if isinstance(value, list) and all(isinstance(width, int) for width in value)
        else value
        for value in values
    ]
    names = list(map(repr, values))
    if len(set(names)) > _FEW and all(isinstance(size, int | float) for size in sizes):
        steps = sorted(set(sizes))
        return [steps.index(size) * _GROUPS // len(steps) for size in sizes]
    return [names.index(name) for name in names]
