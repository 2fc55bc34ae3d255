"""Settings of a search as figures take them, and their values as words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

FEW: Final = 12
"""Values of a parameter up to which each is written out."""
WIDE_RANGE: Final = 20
"""Ratio of two values from which an axis is logarithmic."""


class Scored(Protocol):
    """A setting with what its trials gave; `search.Setting` is one."""

    @property
    def setting(self) -> int:
        """Its number."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The searched keys and their values."""

    @property
    def mean(self) -> float:
        """Accuracy over its seeds."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 %; None with one seed."""

    @property
    def tied(self) -> bool | None:
        """Whether it cannot be told from the best; None if it was not compared."""


def levels(settings: Sequence[Scored], name: str) -> list[str]:
    """The values that a parameter was tried with, numbers by size."""
    values = [each.parameters[name] for each in settings]
    if all(is_number(each) for each in values):
        return [word(each) for each in sorted(set(values))]
    return list(dict.fromkeys(sorted(map(word, values))))


def title(name: str) -> str:
    """A key of Config in words."""
    return name.replace("_", " ")


def word(value: Any) -> str:
    """A value as one word; lists are joined by commas."""
    if isinstance(value, list | tuple):
        return ",".join(map(word, value))
    return f"{value:.4g}" if is_number(value) else str(value)


def is_number(value: Any) -> bool:
    """Whether it has a size."""
    return isinstance(value, int | float) and not isinstance(value, bool)
