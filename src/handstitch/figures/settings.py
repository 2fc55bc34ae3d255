"""Parameters of a search on an axis: their names, and their values by size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from handstitch.config.messages import format_value

FEW: Final = 12
"""Values of a parameter up to which each is written out."""
_WIDE_RANGE: Final = 20


def levels(values: Sequence[Any]) -> list[str]:
    """The values that a parameter was tried with, as words, numbers by size."""
    ordered = sorted(values) if all(map(is_number, values)) else sorted(map(format_value, values))
    return list(dict.fromkeys(map(format_value, ordered)))


def title(name: str) -> str:
    """A key of Config in words."""
    return name.replace("_", " ")


def is_number(value: Any) -> bool:
    """Whether it has a size."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_wide(values: Sequence[float]) -> bool:
    """Whether they differ by orders of magnitude, so that an axis is to be logarithmic."""
    return min(values) > 0 and max(values) > _WIDE_RANGE * min(values)
