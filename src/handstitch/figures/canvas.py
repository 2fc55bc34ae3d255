"""A figure measured in CSS pixels: panels and texts placed from its upper left corner.

A page draws the same chart for a telephone, a tablet and a wide window. What fits is reckoned
here, from the width that is asked for; no layout engine moves it afterwards.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from handstitch.figures.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.text import Text

_PER_INCH: Final = 96
TEXT: Final = 13
"""Size of text, in pixels."""
SMALL: Final = 12
"""Size of ticks and notes: on the narrowest telephone, where a chart shrinks, still 11."""


def points(pixels: float) -> float:
    """Pixels as matplotlib's points, for line widths and sizes."""
    return pixels * 72 / _PER_INCH


def canvas(width: float, height: float) -> Figure:
    """An empty figure of this size in pixels."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / _PER_INCH, height / _PER_INCH))


def panel(
    figure: Figure, left: float, top: float, width: float, height: float, **options: Any
) -> Axes:
    """Axes whose box is at this place, with a grid across and a line at the bottom only."""
    wide, high = figure.get_size_inches() * _PER_INCH
    box = left / wide, 1 - (top + height) / high, width / wide, height / high
    axes = figure.add_axes(box, **options)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.tick_params(labelsize=points(SMALL), length=0, pad=points(6))
    axes.tick_params(axis="x", length=points(4))
    axes.grid(visible=True, axis="y")
    axes.set_axisbelow(True)
    return axes


def board(figure: Figure) -> Axes:
    """Axes over the whole figure whose data are pixels from its upper left corner."""
    axes = figure.add_axes((0, 0, 1, 1))
    wide, high = figure.get_size_inches() * _PER_INCH
    axes.set(xlim=(0, wide), ylim=(high, 0))
    axes.set_axis_off()
    return axes


def write(
    figure: Figure, left: float, top: float, text: str, size: float = TEXT, **options: Any
) -> Text:
    """A text whose base line starts at this place."""
    wide, high = figure.get_size_inches() * _PER_INCH
    settings: dict[str, Any] = {"fontsize": points(size), "color": INK} | options
    return figure.text(left / wide, 1 - top / high, text, **settings)


def percentages(axis: Axis, most: int) -> None:
    """At most so many ticks, of fractions written as percentages."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(lambda value, _: f"{round(100 * value, 4):g} %")


def text_width(text: str, size: float = TEXT) -> float:
    """Pixels that a text takes in a wide font: East Asian characters a whole em."""
    return size * sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.63 for c in text)


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The places, moved as little as possible to be `gap` apart and between low and high.

    Places that would overlap form a block around their mean; blocks that meet are joined.
    """
    blocks: list[list[int]] = []
    for k in sorted(range(len(places)), key=lambda k: places[k]):
        blocks.append([k])
        while len(blocks) > 1 and _first(blocks[-1], places, gap) < (
            _first(blocks[-2], places, gap) + gap * len(blocks[-2])
        ):
            last = blocks.pop()
            blocks[-1] += last
    moved = list(places)
    for block in blocks:
        for step, k in enumerate(block):
            moved[k] = _first(block, places, gap) + step * gap
    order = [k for block in blocks for k in block]
    for step, k in enumerate(order):
        moved[k] = max(moved[k], low + step * gap)
    for step, k in enumerate(reversed(order)):
        moved[k] = min(moved[k], high - step * gap)
    return moved


def _first(block: Sequence[int], places: Sequence[float], gap: float) -> float:
    return sum(places[k] for k in block) / len(block) - gap * (len(block) - 1) / 2
