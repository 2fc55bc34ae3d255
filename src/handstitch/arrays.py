"""Array types of the package, arrays aligned to cache lines, and blocks of a vector.

The types are for readers and for the type checker; nothing is checked at run time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]
"""Floating-point numbers, two axes: (samples, features) or (inputs, outputs)."""

Vector = NDArray[np.floating[Any]]
"""Floating-point numbers, one axis."""

Images = NDArray[np.uint8 | np.float32]
"""Samples: grey levels 0 to 255 (samples, rows, columns) or colours (samples, rows, columns, 3),
uint8 as in the files; or features (samples, features), float32."""

Labels = NDArray[np.uint8 | np.uint16]
"""Class numbers from 0, one for each sample; uint16 where there are more than 256 classes."""

Indices = NDArray[np.intp]
"""Positions of samples within a data set."""

BLOCK: Final = 32_768
"""Numbers computed at a time: few enough that intermediate results stay in cache."""

_LINE: Final = 64
"""Bytes in a cache line."""


def aligned_zeros(size: int, dtype: Any = np.float32) -> Vector:
    """Zeros (size,) that begin with a cache line.

    Two threads that change different whole lines of it never wait for each other.
    """
    length = size * np.dtype(dtype).itemsize
    memory = np.zeros(length + _LINE, np.uint8)
    begin = -memory.ctypes.data % _LINE
    return memory[begin : begin + length].view(dtype)


def aligned_copy(vector: Vector) -> Vector:
    """A copy that begins with a cache line."""
    copy = aligned_zeros(vector.size, vector.dtype)
    np.copyto(copy, vector)
    return copy


def blocks(size: int) -> Iterator[slice]:
    """Slices of at most BLOCK numbers that cover the first `size` numbers of a vector."""
    return (slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))
