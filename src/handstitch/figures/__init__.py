"""Figures of records and arrays: functions that return matplotlib `Figure` objects.

    figure = figures.curves(history)
    storage.write("curves.png", figures.png(figure))

One style for all, safe for colour blindness, readable in print and on a dark page. Matplotlib is
imported when the first figure is drawn; pyplot, its windows and its global settings are not
touched. `lang="zh"` labels a figure in Chinese; `png_language` tells whether this machine has a
font for that.
"""

from handstitch.figures.contact_sheet import contact_sheet
from handstitch.figures.curves import curves
from handstitch.figures.labels import Lang
from handstitch.figures.rate_test import rate_test
from handstitch.figures.receptive_fields import receptive_fields
from handstitch.figures.rendering import png, svg
from handstitch.figures.samples import confused_pairs, samples, worst_mistakes
from handstitch.figures.scores import class_scores, confusion_matrix, reliability
from handstitch.figures.signed_map import signed_map
from handstitch.figures.style import png_language
from handstitch.figures.thumbnail import thumbnail
from handstitch.figures.weights import before_after, heat_maps, unit_tiles, weights

__all__ = [
    "Lang",
    "before_after",
    "class_scores",
    "confused_pairs",
    "confusion_matrix",
    "contact_sheet",
    "curves",
    "heat_maps",
    "png",
    "png_language",
    "rate_test",
    "receptive_fields",
    "reliability",
    "samples",
    "signed_map",
    "svg",
    "thumbnail",
    "unit_tiles",
    "weights",
    "worst_mistakes",
]
