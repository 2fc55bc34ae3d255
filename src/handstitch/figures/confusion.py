"""Confusion matrix: what was taken for what, mistakes loud and correct predictions quiet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from handstitch.arrays import Indices
from handstitch.figures.canvas import SMALL, board, canvas, points, text_width
from handstitch.figures.labels import Lang, label, safe
from handstitch.figures.rendering import drawing
from handstitch.figures.style import FAINT, INK, PALE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOUDEST: Final = 0.5
"""Opacity of the most frequent mistake: a number on it can still be read."""
_SLANT: Final = 40
"""Degrees by which the names of columns rise: (0.77, 0.64) of their width."""


@drawing
def confusion_matrix(
    matrix: list[list[int]], class_names: Sequence[str], lang: Lang = "en", width: float = 800
) -> Figure:
    """Counts (row: true class, column: predicted class); a mistake's shade is its share of the row.

    The shade follows the square root of the share, so that rare mistakes are visible too. Where
    the figure has no room for all classes, those with the most mistakes are drawn, and a column of
    all others. Right of a row is its recall.
    """
    from matplotlib.patches import Rectangle

    counts = np.array(matrix, np.int64)
    names = [safe(name, int(0.3 * width / text_width("x", SMALL))) for name in class_names]
    longest = max(text_width(name, SMALL) for name in names)
    left, right = longest + 12, max(60.0, 0.77 * longest + 8)
    number = text_width(f"{counts.max(initial=0):,}", SMALL) + 8
    shown = _most_mistaken(counts, max(2, int((width - left - right) / number)))
    table, columns = _with_others(counts, shown), [names[k] for k in shown]
    if len(shown) < len(names):
        columns.append(label("others", lang))
    top = 36 + 0.64 * max(longest, text_width(columns[-1], SMALL))
    wide = min(64.0, (width - left - right) / len(columns))
    high = float(np.clip(0.62 * wide, 24, 36))
    figure = canvas(width, top + high * len(shown) + 34)
    axes = board(figure)
    shares = table / np.maximum(counts[shown].sum(axis=1, keepdims=True), 1)
    wrong = np.array(table)
    np.fill_diagonal(wrong, 0)
    worst = float(np.where(wrong > 0, shares, 0).max(initial=0)) or 1.0
    for (row, column), count in np.ndenumerate(table):
        if not count:
            continue
        is_right = row == column
        corner = left + column * wide + 1, top + row * high + 1
        shade = 1 if is_right else _LOUDEST * float(np.sqrt(shares[row, column] / worst))
        colour = PALE if is_right else VERMILION
        axes.add_patch(Rectangle(corner, wide - 2, high - 2, facecolor=colour, alpha=shade))
        middle = left + (column + 0.5) * wide, top + (row + 0.5) * high
        _text(axes, *middle, f"{count:,}", ha="center", color=FAINT if is_right else INK)
    for row, name in enumerate(columns[: len(shown)]):
        middle_of_row = top + (row + 0.5) * high
        _text(axes, left - 10, middle_of_row, name, ha="right")
        recall = f"{100 * shares[row, row]:.1f} %"
        _text(axes, left + wide * len(columns) + 50, middle_of_row, recall, ha="right", color=FAINT)
    for column, name in enumerate(columns):
        axes.text(
            left + (column + 0.5) * wide, top - 8, name, fontsize=points(SMALL),
            rotation=_SLANT, rotation_mode="anchor", ha="left", va="baseline",
        )  # fmt: skip
    _text(axes, left - 10, top - 12, label("true", lang), ha="right", color=FAINT)
    _text(axes, left, 10, label("predicted", lang), color=FAINT)
    bottom = top + high * len(shown)
    recall = label("recall", lang)
    _text(axes, left + wide * len(columns) + 50, bottom + 12, recall, ha="right", color=FAINT)
    if len(shown) < len(names):
        note = label("most mistaken", lang, shown=len(shown), classes=len(names))
        _text(axes, 0, bottom + 24, note, color=FAINT)
    return figure


def _text(axes: Axes, x: float, y: float, text: str, **options: str) -> None:
    settings: dict[str, Any] = {"fontsize": points(SMALL), "va": "center_baseline", "color": INK}
    axes.text(x, y, text, **(settings | options))


def _most_mistaken(counts: Indices, most: int) -> Indices:
    """The classes in order; of too many those with the most mistakes of both kinds."""
    n = len(counts)
    if n <= most:
        return np.arange(n)
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    return np.sort(np.argsort(-mistakes, kind="stable")[: most - 1])


def _with_others(counts: Indices, shown: Indices) -> Indices:
    """Rows and columns of these classes, and a column of the sums of all other columns."""
    table = counts[np.ix_(shown, shown)]
    if len(shown) == len(counts):
        return table
    others = counts[shown].sum(axis=1) - table.sum(axis=1)
    return np.column_stack([table, others])
