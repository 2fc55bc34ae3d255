"""Parameters of a search on an axis: titles, levels and scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from handstitch.config.messages import format_value

FEW: Final = 12
"""Most values of a parameter that are all labelled."""


def levels(values: Sequence[Any]) -> list[str]:
    """The different values of a parameter as labels, numbers in order."""
    ordered = sorted(values) if all(map(is_number, values)) else sorted(map(format_value, values))
    return list(dict.fromkeys(map(format_value, ordered)))


def title(name: str) -> str:
    """The title of a parameter: learning_rate is `learning rate`."""
    return name.replace("_", " ")


def is_number(value: Any) -> bool:
    """Whether the value is a number; a switch is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
