"""Contact sheet: the first images of each class of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images
from handstitch.errors import UsageError
from handstitch.figures.labels import safe
from handstitch.figures.rendering import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EACH: Final = 10
"""Images of a class."""
_MOST: Final = 40
"""Classes, at most: of more, these are spread evenly over all."""
_GAP: Final = 0.08
"""Of an image's side: the white between images."""
_WIDTH: Final = 6.0
_NAMES: Final = 2.3
_MARGIN: Final = 0.15
"""Inches of the images, of the names beside them, and around."""


@drawing
def contact_sheet(
    images: Images, labels: NDArray[np.integer[Any]], class_names: Sequence[str]
) -> Figure:
    """A row for each class with its first images, its name and how many images it has.

    Images are (n, rows, columns), or (n, rows, columns, 3) in colours. Raises UsageError for
    feature vectors, which are no images.
    """
    from matplotlib.figure import Figure

    if images.ndim < 3:
        raise UsageError(
            "feature vectors cannot be drawn",
            found=f"samples of {images.shape[1]:,} features",
            wanted="images, (n, rows, columns) or (n, rows, columns, 3)",
            fix="reshape them to rows and columns, if they are images",
        )
    classes = np.unique(np.linspace(0, len(class_names) - 1, _MOST).round().astype(int))
    counts = np.bincount(labels, minlength=len(class_names))
    rows, columns = images.shape[1:3]
    gap = max(1, round(_GAP * max(rows, columns)))
    sheet = np.full(
        (len(classes) * (rows + gap), EACH * (columns + gap), *images.shape[3:]), 255, np.uint8
    )
    for row, label in enumerate(classes):
        for column, place in enumerate(np.flatnonzero(labels == label)[:EACH]):
            top, left = row * (rows + gap), column * (columns + gap)
            sheet[top : top + rows, left : left + columns] = images[place]
    # Set by hand: a constrained layout does not know how wide an image of fixed proportions gets.
    high = _WIDTH * sheet.shape[0] / sheet.shape[1]
    figure = Figure(figsize=(_NAMES + _WIDTH + _MARGIN, high + 2 * _MARGIN))
    width, height = figure.get_size_inches()
    axes = figure.add_axes((_NAMES / width, _MARGIN / height, _WIDTH / width, high / height))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto")
    axes.set_yticks(
        np.arange(len(classes)) * (rows + gap) + (rows - 1) / 2,
        [f"{safe(class_names[label], 24)}  {counts[label]:,}" for label in classes],
    )
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure
