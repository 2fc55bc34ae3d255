"""Numbers as the pixels of a PNG: red above 0, blue below, and 0 transparent.

The page's ground is what is seen of 0, on a white page as on a dark one.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np

from handstitch.arrays import Matrix
from handstitch.figures.style import LEVELS

POSITIVE: Final = (214, 62, 48)
NEGATIVE: Final = (44, 122, 196)
_OUTSIDE: Final = (127, 127, 127, 50)
"""Of NaN: no weight."""


def signed_png(values: Matrix, limit: float) -> bytes:
    """The PNG file of values (rows, columns), opaque at ± limit and beyond; grey where NaN."""
    from PIL import Image

    half = LEVELS // 2
    steps = np.rint(np.clip(np.nan_to_num(values) / limit, -1, 1) * half).astype(int) + half
    steps[np.isnan(values)] = LEVELS
    shades = [abs(step - half) / half for step in range(LEVELS)]
    colours = [NEGATIVE if step < half else POSITIVE for step in range(LEVELS)]
    picture = Image.fromarray(steps.astype(np.uint8), "P")
    picture.putpalette([part for colour in [*colours, _OUTSIDE[:3]] for part in colour])
    alphas = bytes([*(round(255 * shade) for shade in shades), _OUTSIDE[3]])
    return _png(picture, transparency=alphas)


def colour_png(values: Matrix, limit: float) -> bytes:
    """The PNG file of values (rows, columns, 3): medium grey is 0, a brighter channel positive."""
    from PIL import Image

    levels = np.clip(0.5 + np.nan_to_num(values) / (2 * limit), 0, 1)
    pixels = np.dstack([255 * levels, np.where(np.isnan(values[:, :, 0]), 0, 255)])
    return _png(Image.fromarray(np.rint(pixels).astype(np.uint8), "RGBA"))


def _png(picture: object, **options: bytes) -> bytes:
    file = io.BytesIO()
    picture.save(file, "png", compress_level=9, **options)  # type: ignore[attr-defined]
    return file.getvalue()
