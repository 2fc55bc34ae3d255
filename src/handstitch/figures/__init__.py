"""Figures of records and arrays: functions that return matplotlib `Figure` objects.

    figure = figures.curves(history)
    storage.write("curves.png", figures.png(figure))

One style for all, safe for colour blindness, readable in print and on a dark page. Matplotlib is
imported when the first figure is drawn; pyplot, its windows and its global settings are not
touched. `lang="zh"` labels a figure in Chinese; `png_language` tells whether this machine has a
font for that.
"""

from handstitch.figures.confusion import confusion_matrix
from handstitch.figures.contact_sheet import contact_sheet
from handstitch.figures.curves import curves
from handstitch.figures.inline import inline_svg
from handstitch.figures.labels import Lang
from handstitch.figures.rate_test import rate_test
from handstitch.figures.receptive_fields import receptive_fields
from handstitch.figures.rendering import png, svg
from handstitch.figures.samples import samples, worst_mistakes
from handstitch.figures.scores import class_scores, reliability
from handstitch.figures.signed import colour_png, signed_png
from handstitch.figures.style import png_language
from handstitch.figures.thumbnail import thumbnail
from handstitch.figures.weights import (
    before_after,
    colour_limit,
    dense_tiles,
    heat_maps,
    reduced,
    unit_tiles,
    weights,
    window_tiles,
)

__all__ = [
    "Lang",
    "before_after",
    "class_scores",
    "colour_limit",
    "colour_png",
    "confusion_matrix",
    "contact_sheet",
    "curves",
    "dense_tiles",
    "heat_maps",
    "inline_svg",
    "png",
    "png_language",
    "rate_test",
    "receptive_fields",
    "reduced",
    "reliability",
    "samples",
    "signed_png",
    "svg",
    "thumbnail",
    "unit_tiles",
    "weights",
    "window_tiles",
    "worst_mistakes",
]
