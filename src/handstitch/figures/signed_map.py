"""Signed map: positive and negative numbers of an image's pixels as colours."""

from __future__ import annotations

import numpy as np

from handstitch.arrays import Images, Matrix
from handstitch.figures.style import BLUE, VERMILION


def signed_map(values: Matrix) -> Images:
    """An image (rows, columns, 3): blue where positive, vermilion where negative, white at 0.

    The 99th percentile of the absolute values has the full colour, so that one pixel does not
    pale all others.
    """
    sizes = np.abs(values)
    full = float(np.percentile(sizes, 99)) or float(sizes.max()) or 1.0
    strength = np.minimum(sizes / full, 1.0)[..., None]
    colours = np.where(values[..., None] > 0, _rgb(BLUE), _rgb(VERMILION))
    return np.rint(255 + strength * (colours - 255.0)).astype(np.uint8)


def _rgb(colour: str) -> list[int]:
    return list(bytes.fromhex(colour.removeprefix("#")))
