"""Decision rules: an effect, its interval over the seeds, and the verdict that follows.

holds           the interval lies where the claim says
does not hold   the interval lies where the claim says it does not
inconclusive    the interval reaches into both, or there is none: one seed has no spread
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, isfinite
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from handstitch.evaluation import wilson_interval
from handstitch.search import statistics
from handstitch.search.statistics import Interval, Table

Verdict = Literal["holds", "does not hold", "inconclusive"]

ENOUGH: Final = 0.005
"""A difference in accuracy worth having: half a point, about one standard error of the
6,000 validation images."""


class Measured(msgspec.Struct, frozen=True):
    """An effect, its interval at 95 %, and the verdict."""

    effect: float | None
    interval: Interval | None
    """None with one seed."""
    verdict: Verdict


def mean_between(
    values: Sequence[float] | Table,
    low: float = -inf,
    high: float = inf,
    alpha: float = statistics.ALPHA,
) -> Measured:
    """Whether the mean of `values`, one for each seed, lies between `low` and `high`."""
    interval = statistics.mean_interval(values, alpha)
    return Measured(float(np.mean(values)), interval, _between(interval, low, high))


def all_above(groups: Table, limit: float = 0.0) -> Measured:
    """Whether the mean of every row of (groups, seeds) lies above `limit`; effect and interval
    are the lowest row's.
    """
    return _at_once(groups, limit, np.argmin, one="does not hold", every="holds")


def any_above(groups: Table, limit: float = 0.0) -> Measured:
    """Whether the mean of some row lies above `limit`; effect and interval are the highest's."""
    return _at_once(groups, limit, np.argmax, one="holds", every="does not hold")


def sole_best(table: Table, row: int) -> Measured:
    """Whether this row of (candidates, seeds) is better than every other.

    The effect is its mean less that of the best other. It holds if all others are
    distinguishably worse than it, and does not if it is distinguishably worse than the best; the
    interval ends at 0 where that would be decided otherwise.
    """
    effect, interval, tied = _beside_best_other(table, row)
    if not tied[row]:
        return Measured(effect, interval, "does not hold")
    return Measured(effect, interval, "holds" if sum(tied) == 1 else "inconclusive")


def is_beaten(table: Table, row: int) -> Measured:
    """Whether another row of (candidates, seeds) is better than this one.

    The effect is the mean of the best other less its own. It holds if this row is distinguishably
    worse than the best, and does not if no other can be better by ENOUGH.
    """
    lead, interval, tied = _beside_best_other(table, row)
    behind = None if interval is None else (-interval[1], -interval[0])
    if not tied[row]:
        return Measured(-lead, behind, "holds")
    is_hardly_better = behind is not None and behind[1] < ENOUGH
    return Measured(-lead, behind, "does not hold" if is_hardly_better else "inconclusive")


def mostly(hits: NDArray[np.bool_]) -> Measured:
    """Whether something is so in most runs: Wilson's interval of its share lies above one half."""
    count = len(hits)
    interval = wilson_interval(int(hits.sum()), count) if count > 1 else None
    return Measured(float(hits.mean()), interval, _between(interval, 0.5))


def _between(interval: Interval | None, low: float, high: float = inf) -> Verdict:
    if interval is not None and low < interval[0] and interval[1] < high:
        return "holds"
    if interval is not None and (interval[1] < low or interval[0] > high):
        return "does not hold"
    return "inconclusive"


def _at_once(
    groups: Table, limit: float, place: Callable[[Table], np.intp], one: Verdict, every: Verdict
) -> Measured:
    """The row at `place`, and a verdict of all: `one` if any row's is that, `every` if each is.

    The intervals hold together (Bonferroni), so one group below the limit is no accident of
    there being many.
    """
    alpha = statistics.ALPHA / len(groups)
    rows = [mean_between(group, limit, alpha=alpha) for group in groups]
    found = {row.verdict for row in rows}
    shown = rows[place(groups.mean(axis=1))]
    verdict = one if one in found else every if found == {every} else "inconclusive"
    return Measured(shown.effect, shown.interval, verdict)


def _beside_best_other(table: Table, row: int) -> tuple[float, Interval | None, list[bool]]:
    """(its mean less the best other's, the interval, which rows are tied with the best)."""
    means = table.mean(axis=1)
    lead = float(means[row] - np.delete(means, row).max())
    half = statistics.decisive_width(table, row)
    interval = (lead - half, lead + half) if isfinite(half) else None
    return lead, interval, statistics.tied_with_best(table)
