"""Small folders of pictures, written by pillow."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from handstitch.errors import HandstitchError

BLUE, RED = (0, 0, 255), (255, 0, 0)


def draw(shape: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    """A picture of noise, (rows, columns) or (rows, columns, 3)."""
    return np.random.Generator(np.random.Philox(seed)).integers(0, 256, shape, np.uint8)


def write_picture(path: Path, pixels: np.ndarray[Any, Any] | None = None, **options: Any) -> Path:
    """A picture file, of noise where no pixels are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw((4, 6)) if pixels is None else pixels).save(path, **options)
    return path


def png(wide: int, high: int, rows: bytes, depth: int = 8, colours: int = 0) -> bytes:
    """A PNG file made by hand."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", wide, high, depth, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    )


def write_classes(
    folder: Path, names: str = "cat dog", each: int = 3, shape: tuple[int, ...] = (4, 6)
) -> Path:
    """A folder with `each` pictures in the folder of each class."""
    for number, name in enumerate(names.split()):
        for k in range(each):
            write_picture(folder / name / f"{k}.png", draw(shape, 100 * number + k))
    return folder


def expect_error(kind: type[HandstitchError], action: Any, **patterns: str) -> HandstitchError:
    """The error that `action()` raises, with fields that match these patterns."""
    with pytest.raises(kind) as caught:
        action()
    error = caught.value
    assert type(error) is kind
    assert error.found != error.wanted
    assert error.fix
    for field, pattern in patterns.items():
        assert re.search(pattern, str(getattr(error, field))), (field, str(error))
    return error
