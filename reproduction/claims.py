"""Claims of the course report: statement, measure, and the effect found here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, Literal, NamedTuple, TypeVar

import msgspec

from handstitch.search.statistics import Interval
from reproduction.verdicts import Effect

Data = TypeVar("Data")
Unit = Literal["points", "accuracy", "nats", "share", "weight", "count"]
"""Points are differences of accuracies, shown in hundredths and kept as fractions."""

_FORMATS: Final[dict[Unit, tuple[str, str]]] = {
    "points": ("+.2f", " points"),
    "accuracy": (".4f", ""),
    "nats": ("+.4f", " nats"),
    "share": (".3f", ""),
    "weight": ("+.2f", ""),
    "count": (".1f", " times"),
}


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One observation of the report, or one question it left."""

    name: str
    statement: str
    """As the course report means it."""
    measure: str
    """The effect, and the bounds between which the claim holds."""
    against: str
    """A result that would contradict it."""
    unit: Unit


class JudgedClaim(msgspec.Struct, frozen=True):
    """A claim with the effect measured here."""

    claim: Claim
    effect: Effect
    remark: str = ""
    """Further figures."""
    report: float | None = None
    """The same effect from the report's own single runs; None where it has no figure for it."""


class Row(NamedTuple, Generic[Data]):
    """A claim and its rule: a pure function of the results, written before the training."""

    claim: Claim
    rule: Callable[[Data], Effect]
    remark: Callable[[Data], str] = lambda data: ""

    def judge(self, data: Data, report: float | None = None) -> JudgedClaim:
        """Apply the rule to these trials or runs."""
        return JudgedClaim(self.claim, self.rule(data), self.remark(data), report)


def format_effect(value: float | None, unit: Unit, *, with_unit: bool = True) -> str:
    """An effect with its unit."""
    if value is None:
        return "–"
    digits, name = _FORMATS[unit]
    number = format(100 * value if unit == "points" else value, digits).replace("-", "−")
    return number + name * with_unit


def format_interval(interval: Interval | None, unit: Unit) -> str:
    """An interval without its unit."""
    if interval is None:
        return "–"
    return " to ".join(format_effect(end, unit, with_unit=False) for end in interval)
