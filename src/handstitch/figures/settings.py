"""Parameters of a search on an axis: their names, and their values by size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from handstitch.wording import as_word

if TYPE_CHECKING:
    from handstitch.search import Setting

FEW: Final = 12
"""Values of a parameter up to which each is written out."""
WIDE_RANGE: Final = 20
"""Ratio of two values from which an axis is logarithmic."""


def levels(settings: Sequence[Setting], name: str) -> list[str]:
    """The values that a parameter was tried with, numbers by size."""
    values = [each.parameters[name] for each in settings]
    if all(is_number(each) for each in values):
        return [as_word(each) for each in sorted(set(values))]
    return list(dict.fromkeys(sorted(map(as_word, values))))


def title(name: str) -> str:
    """A key of Config in words."""
    return name.replace("_", " ")


def is_number(value: Any) -> bool:
    """Whether it has a size."""
    return isinstance(value, int | float) and not isinstance(value, bool)
