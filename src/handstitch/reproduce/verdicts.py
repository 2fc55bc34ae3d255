"""A claim, what was measured of it, and the three answers that a measurement can give.

holds            the interval lies where the claim says
does not hold    the interval lies where the claim says it does not
cannot be told   the interval reaches into both, or there is none: one seed has no spread
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import numpy as np

from handstitch.search import statistics
from handstitch.search.statistics import ALPHA, Interval, Table

Verdict = Literal["holds", "does not hold", "cannot be told"]
Unit = Literal["points", "accuracy", "nats", "share", "weight", "count"]
"""Points are differences of accuracies, shown in hundredths and kept as fractions."""

ENOUGH: Final = 0.005
"""A difference in accuracy worth having: half a point, about one standard error of the
6,000 validation images."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One observation of the report, or one question it left, and what came of it here."""

    name: str
    statement: str
    """In the report's sense."""
    measure: str
    """What the effect is, and between which bounds the claim holds."""
    against: str
    """What would have counted against it."""
    effect: float | None
    unit: Unit
    interval: Interval | None
    """95 %; None with one seed."""
    verdict: Verdict
    remark: str = ""
    """What else the figures say."""


class Measured(msgspec.Struct, frozen=True):
    """An effect with its interval and what follows."""

    effect: float | None
    interval: Interval | None
    verdict: Verdict


def claim(
    *,
    name: str,
    statement: str,
    measure: str,
    against: str,
    unit: Unit,
    measured: Measured,
    remark: str = "",
) -> Claim:
    """A claim with what was measured of it."""
    return Claim(
        name=name,
        statement=statement,
        measure=measure,
        against=against,
        effect=measured.effect,
        unit=unit,
        interval=measured.interval,
        verdict=measured.verdict,
        remark=remark,
    )


def above(values: Sequence[float], limit: float = 0.0, alpha: float = ALPHA) -> Measured:
    """Whether the mean over seeds lies above `limit`; `values` has one figure for each seed."""
    interval = statistics.mean_interval(values, alpha)
    return Measured(_mean(values), interval, _beside(interval, limit))


def below(values: Sequence[float], limit: float, alpha: float = ALPHA) -> Measured:
    """Whether the mean over seeds lies below `limit`."""
    interval = statistics.mean_interval(values, alpha)
    return Measured(_mean(values), interval, opposite(_beside(interval, limit)))


def within(values: Sequence[float], low: float, high: float) -> Measured:
    """Whether the mean over seeds lies between `low` and `high`."""
    interval = statistics.mean_interval(values)
    verdict: Verdict = "cannot be told"
    if interval is not None and low < interval[0] and interval[1] < high:
        verdict = "holds"
    elif interval is not None and (interval[1] < low or interval[0] > high):
        verdict = "does not hold"
    return Measured(_mean(values), interval, verdict)


def all_above(groups: Sequence[Sequence[float]], limit: float = 0.0) -> Measured:
    """Whether the mean of every group lies above `limit`; effect and interval are the lowest's.

    The intervals hold together (Bonferroni), so one group below the limit is no accident of
    there being many.
    """
    return _of_all(groups, limit, lowest=True)


def any_above(groups: Sequence[Sequence[float]], limit: float = 0.0) -> Measured:
    """Whether the mean of some group lies above `limit`; effect and interval are the highest's."""
    return _of_all(groups, limit, lowest=False)


def _of_all(groups: Sequence[Sequence[float]], limit: float, *, lowest: bool) -> Measured:
    known = [group for group in groups if len(group)]
    if not known:
        return Measured(None, None, "cannot be told")
    each = [above(group, limit, ALPHA / len(known)) for group in known]
    shown = (min if lowest else max)(each, key=lambda one: one.effect or 0.0)
    found = {one.verdict for one in each}
    decisive: Verdict = "does not hold" if lowest else "holds"
    verdict: Verdict = "cannot be told"
    if decisive in found:
        verdict = decisive
    elif found == {opposite(decisive)}:
        verdict = opposite(decisive)
    return Measured(shown.effect, shown.interval, verdict)


def sole_best(table: Table, chosen: int) -> Measured:
    """Whether the setting in row `chosen` of (settings, seeds) is better than every other.

    The effect is its mean less the best other one. It holds if all others can be told from it,
    and does not if it can be told from the best; the interval ends at 0 where that
    would be decided otherwise.
    """
    means = table.mean(axis=1)
    effect = float(means[chosen] - np.delete(means, chosen).max())
    if table.shape[1] < 2:
        return Measured(effect, None, "cannot be told")
    half = statistics.decisive_width(table, chosen)
    tied = statistics.tied_with_best(table)
    verdict: Verdict = "cannot be told"
    if not tied[chosen]:
        verdict = "does not hold"
    elif sum(tied) == 1:
        verdict = "holds"
    return Measured(effect, (effect - half, effect + half), verdict)


def mostly(hits: int, runs: int) -> Measured:
    """Whether something is so in most runs: Wilson's interval of its share lies above one half."""
    from handstitch.evaluation import wilson_interval

    if runs < 2:
        return Measured(hits / runs if runs else None, None, "cannot be told")
    interval = wilson_interval(hits, runs)
    return Measured(hits / runs, interval, _beside(interval, 0.5))


def opposite(verdict: Verdict) -> Verdict:
    """The answer to the opposite claim."""
    answers: dict[Verdict, Verdict] = {
        "holds": "does not hold",
        "does not hold": "holds",
        "cannot be told": "cannot be told",
    }
    return answers[verdict]


def _beside(interval: Interval | None, limit: float) -> Verdict:
    if interval is not None and interval[0] > limit:
        return "holds"
    if interval is not None and interval[1] < limit:
        return "does not hold"
    return "cannot be told"


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
