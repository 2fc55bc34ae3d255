"""A network as it is written: what its samples are, and the weights of its layers; of a first layer
with local receptive fields, those inside the windows alone.
"""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from handstitch.arrays import Matrix
from handstitch.model import Model


class Window(NamedTuple):
    """A rectangle of the image, and the consecutive units that see it."""

    top: int
    left: int
    height: int
    width: int
    first: int
    units: int


def windows_of(model: Model) -> list[Window]:
    """The windows of the first layer; none where it is dense."""
    if model.receptive_fields is None:
        return []
    rectangles = model.receptive_fields.rectangles.tolist()
    windows, first = [], 0
    for (top, left, height, width), group in groupby(rectangles):
        units = len(list(group))
        windows.append(Window(top, left, height, width, first, units))
        first += units
    return windows


def blocks_of(model: Model, W: Matrix) -> list[Matrix]:
    """The part of the first layer's W (inputs, units) inside each window: (pixels, units), in the
    order of `windows_of`; all of it where the layer is dense.
    """
    windows = windows_of(model)
    image = W.reshape(*model.image_shape, -1)
    return [
        image[top : top + height, left : left + width, ..., first : first + units].reshape(
            -1, units
        )
        for top, left, height, width, first, units in windows
    ] or [W]


def samples_in_words(model: Model) -> str:
    """The order and the values of a sample's numbers."""
    if not model.has_images:
        return "features as in training, not scaled"
    background = {"dark": ", light on black", "light": ", dark on white"}.get(model.background, "")
    colours = ", then red, green, blue" if len(model.image_shape) > 2 else ""
    return f"rows, columns{colours} of pixels from 0 to 255{background}"
