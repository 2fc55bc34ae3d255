"""Images with their predictions: samples, and the most confident mistakes.

Images are uint8, grey (n, rows, columns) or in colour (n, rows, columns, 3); labels (n,) the true
classes; P (n, classes) the predicted probabilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor
from typing import TYPE_CHECKING, Final

import numpy as np

from handstitch.arrays import Images, Labels, Matrix
from handstitch.evaluation import confident_mistakes
from handstitch.figures.labels import Lang, label, safe
from handstitch.figures.rendering import drawing
from handstitch.figures.style import FAINT, GREEN, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS: Final = 8
_MOST: Final = 80
"""Images in a figure of samples, at most."""
_PITCH: Final = 1.28
"""An image's longer side is an inch; inches from the left side of an image to that of the next."""
_MARGIN: Final = 0.25
_TITLE: Final = 0.62
"""Inches above the first row."""
_CAPTION: Final = 7.0
_NAME: Final = 19
"""Columns of a name above an image."""


@drawing
def samples(
    images: Images, labels: Labels, P: Matrix, class_names: Sequence[str], lang: Lang = "en"
) -> Figure:
    """Images with their true class above; below, the predicted class and its probability.

    Right predictions have a green frame and ✓, wrong ones a red frame and ✗. At most 80 are drawn.
    """
    return _gallery(
        images[:_MOST], labels[:_MOST], P[:_MOST], class_names, title="samples", lang=lang
    ).figure


@drawing
def worst_mistakes(
    images: Images,
    labels: Labels,
    P: Matrix,
    class_names: Sequence[str],
    most: int = 24,
    *,
    lang: Lang = "en",
) -> Figure:
    """The wrong predictions with the highest probability, the most confident first."""
    chosen = confident_mistakes(labels, P)[:most]
    sheet = _gallery(
        images[chosen], labels[chosen], P[chosen], class_names, title="worst", lang=lang
    )
    if not len(chosen):
        sheet.line(0, label("no mistakes", lang, n=len(images)))
    return sheet.figure


def _percent(p: Iterable[float]) -> str:
    """The probability of the predicted class, rounded down: 100 % stands for certainty alone."""
    return f"{floor(1000 * max(p)) / 10:.1f} %"


def _gallery(
    images: Images,
    labels: Labels,
    P: Matrix,
    class_names: Sequence[str],
    *,
    title: str,
    lang: Lang,
) -> _Sheet:
    """All of the images with true class, predicted class and its probability."""
    key = label("key", lang) if len(images) else ""
    sheet = _Sheet(ceil(len(images) / _COLUMNS), images.shape[1:], 0.45, label(title, lang), key)
    for place, (image, true, p) in enumerate(zip(images, labels, P, strict=True)):
        row, column = divmod(place, _COLUMNS)
        taken = int(np.argmax(p))
        colour, mark = (GREEN, "✓") if true == taken else (VERMILION, "✗")
        sheet.draw(
            row,
            column,
            image,
            colour,
            above=safe(class_names[true], _NAME),
            below=f"{mark} {safe(class_names[taken], _NAME - 8)} {_percent(p)}",
        )
    return sheet


class _Sheet:
    """Rows of images on a fixed grid: constrained layout takes seconds for eighty."""

    def __init__(
        self, rows: int, image_shape: tuple[int, ...], caption: float, title: str, key: str
    ) -> None:
        from matplotlib.figure import Figure

        high, wide = (side / max(image_shape[:2]) for side in image_shape[:2])
        pitch = high + caption + 0.05
        width = _PITCH * (_COLUMNS - 1) + wide + 2 * _MARGIN
        height = _TITLE + max(1, rows) * pitch + _MARGIN
        self.figure = Figure(figsize=(width, height))
        top = height - _TITLE - 0.2
        self._grid = self.figure.add_gridspec(
            max(1, rows), _COLUMNS, left=_MARGIN / width, right=1 - _MARGIN / width,
            top=top / height, bottom=(top - max(1, rows) * pitch + pitch - high) / height,
            wspace=_PITCH / wide - 1, hspace=pitch / high - 1,
        )  # fmt: skip
        self.figure.text(_MARGIN / width, 1 - 0.28 / height, title, fontsize=11)
        self.figure.text(_MARGIN / width, 1 - 0.48 / height, key, fontsize=8, color=FAINT)

    def line(self, row: int, text: str) -> None:
        """A line above a row."""
        place = self._grid[row, 0].get_position(self.figure)
        self.figure.text(place.x0, place.y1 + 0.06 / self.figure.get_figheight(), text)

    def draw(
        self, row: int, column: int, image: Images, colour: str, *, above: str = "", below: str
    ) -> None:
        """One image in a frame of this colour, with texts above and below it."""
        axes = self.figure.add_subplot(self._grid[row, column])
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color=colour, linewidth=1.2)
        axes.set_title(above, fontsize=_CAPTION, pad=3.6)
        axes.set_xlabel(below, fontsize=_CAPTION, color=colour, labelpad=3.6)
