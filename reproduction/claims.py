"""Claims of the course report: a statement, how it is measured, and what was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, Literal, NamedTuple, TypeVar

import msgspec

from handstitch.search.statistics import Interval
from reproduction.verdicts import Measured

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
    """In the report's sense."""
    measure: str
    """What the effect is, and between which bounds the claim holds."""
    against: str
    """What would have counted against it."""
    unit: Unit


class Finding(msgspec.Struct, frozen=True):
    """A claim and what came of it here."""

    claim: Claim
    measured: Measured
    remark: str = ""
    """What else the figures say."""
    report: float | None = None
    """The same effect from the report's own single runs; None where it has no figure for it."""


class Row(NamedTuple, Generic[Data]):
    """A line of a table of claims. The rule is a pure function of what was trained, written
    before that was done.
    """

    claim: Claim
    rule: Callable[[Data], Measured]
    remark: Callable[[Data], str] = lambda data: ""

    def judge(self, data: Data, report: float | None = None) -> Finding:
        """What these trials or runs say of the claim."""
        return Finding(self.claim, self.rule(data), self.remark(data), report)


def shown(value: float | None, unit: Unit, *, with_unit: bool = True) -> str:
    """An effect as one reads it."""
    if value is None:
        return "–"
    digits, name = _FORMATS[unit]
    number = format(100 * value if unit == "points" else value, digits).replace("-", "−")
    return number + name * with_unit


def shown_interval(interval: Interval | None, unit: Unit) -> str:
    """An interval without its unit."""
    if interval is None:
        return "–"
    return " to ".join(shown(end, unit, with_unit=False) for end in interval)
