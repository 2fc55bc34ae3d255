"""Receptive fields on the image: how many units see each pixel, and some of the rectangles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from handstitch.figures.labels import Lang, label
from handstitch.figures.rendering import drawing
from handstitch.figures.style import PALE, new_figure, whole_numbers
from handstitch.receptive_fields import ReceptiveFields

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

HEIGHT: Final = 3.8
"""Inches."""
_WIDTH: Final = 9.0
_SHOWN: Final = 16
"""Rectangles drawn: of many one cannot be told from another."""


@drawing
def receptive_fields(fields: ReceptiveFields, lang: Lang = "en") -> Figure:
    """The number of units that see each pixel; beside it rectangles of units all over the image."""
    figure = new_figure(_WIDTH, HEIGHT)
    draw_fields(figure, fields, lang)
    return figure


def draw_fields(figure: Figure | SubFigure, fields: ReceptiveFields, lang: Lang) -> None:
    """Draw `receptive_fields` into a part of a figure."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    units, (rows, columns) = len(fields.rectangles), fields.image_shape[:2]
    coverage = fields.mask.sum(axis=1, dtype=int).reshape(rows, columns, -1)[:, :, 0]
    left, right = figure.subplots(1, 2)
    picture = left.imshow(coverage, cmap="viridis", vmin=0, interpolation="none")
    bar = figure.colorbar(picture, ax=left, label=label("coverage", lang), pad=0.02)
    whole_numbers(bar.ax.yaxis)
    left.set_title(label("fields", lang, units=units), loc="left")
    right.add_patch(Rectangle((-0.5, -0.5), columns, rows, facecolor=PALE))
    shown = np.linspace(0, units - 1, min(units, _SHOWN)).astype(int)
    colours = colormaps["viridis"](np.linspace(0, 0.9, len(shown)))
    for (top, start, height, width), colour in zip(
        fields.rectangles[shown].astype(float), colours, strict=True
    ):
        corner = start - 0.5, top - 0.5
        right.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=colour))
    right.set(xlim=(-1, columns), ylim=(rows, -1), aspect="equal")
    right.set_title(label("some fields", lang, shown=len(shown)), loc="left")
    for axes in (left, right):
        axes.set_axis_off()
