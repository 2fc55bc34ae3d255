"""Thumbnail: one image as a small PNG file, without axes or text."""

from __future__ import annotations

import io
from typing import Final

import numpy as np

from handstitch.arrays import Images

_SIDE: Final = 112
"""Pixels of the longer side, at most; smaller images keep their own."""


def thumbnail(image: Images) -> bytes:
    """The PNG file of an image (rows, columns) or (rows, columns, 3), uint8."""
    from PIL import Image

    file = io.BytesIO()
    picture = Image.fromarray(np.asarray(image))
    picture.thumbnail((_SIDE, _SIDE))
    picture.save(file, "png", optimize=True)
    return file.getvalue()
