"""Elements of an SVG file: texts, formulas, and the pixels of an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

import numpy as np

from handstitch.arrays import Images

Point = tuple[float, float]
LEVELS = 8
"""Greys of the picture."""


@dataclass
class Drawing:
    """Elements of an SVG file."""

    parts: list[str] = field(default_factory=list)

    def add(self, tag: str, text: str = "", **attributes: object) -> None:
        """An element; `_` in the name of an attribute stands for a hyphen."""
        said = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{v}"' for name, v in attributes.items()
        )
        self.parts.append(f"<{tag}{said}>{text}</{tag}>" if text else f"<{tag}{said}/>")

    def write(self, at: Point, text: str, **attributes: object) -> None:
        """A text that begins at this point."""
        self.add("text", escape(text), x=number(at[0]), y=number(at[1]), **attributes)

    def formula(self, at: Point, formula: str, **attributes: object) -> None:
        """A formula: variables between stars are italic, what follows a circumflex is raised."""
        self.add("text", spans(formula), x=number(at[0]), y=number(at[1]), **attributes)


def levels(image: Images) -> list[tuple[float, str]]:
    """Each grey of an image, from 0 to 1, with the path of its pixels."""
    grey = np.ceil(image.astype(float) / 255 * LEVELS).astype(int)
    found = []
    for level in range(1, LEVELS + 1):
        path = ""
        for row in range(grey.shape[0]):
            for _, run in groupby(
                np.flatnonzero(grey[row] == level), key=_run_of(grey[row] == level)
            ):
                columns = list(run)
                path += f"M{columns[0]} {row}h{len(columns)}v1h-{len(columns)}z"
        if path:
            found.append((level / LEVELS, path))
    return found


def _run_of(is_level: Images) -> Callable[[int], int]:
    """Number of the pixels' run: that of pixels before it which have another grey."""
    other = np.cumsum(~is_level)
    return lambda column: int(other[column])


def spans(formula: str) -> str:
    """The formula as `tspan` elements."""
    found = ""
    for k, part in enumerate(formula.split("*")):
        text, _, exponent = part.partition("^")
        found += f'<tspan font-style="italic">{text}</tspan>' if k % 2 else escape(text)
        if exponent:
            raised, rest = exponent[0], exponent[1:]
            found += f'<tspan dy="-5" font-size="11">{raised}</tspan><tspan dy="5">{rest}</tspan>'
    return found


def number(value: float) -> str:
    """A number with two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
