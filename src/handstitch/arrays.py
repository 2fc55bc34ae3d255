"""Names for the kinds of array that travel through the package, and where arrays begin.

The names are for readers and for the type checker; nothing is checked at run time.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]
"""Floating-point numbers, two axes: (samples, features) or (inputs, outputs)."""

Vector = NDArray[np.floating[Any]]
"""Floating-point numbers, one axis."""

Images = NDArray[np.uint8]
"""Grey pictures as they lie in the files, 0 to 255: (samples, rows, columns)."""

Labels = NDArray[np.uint8]
"""Class numbers, one for each sample, counted from 0."""

Indices = NDArray[np.intp]
"""Positions of samples within a data set."""

_LINE: Final = 64
"""Bytes of a cache line."""


def zeros(size: int, dtype: Any = np.float32) -> Vector:
    """Zeros (size,) that begin with a cache line: where two threads each change a part of it in
    whole lines, neither waits for the other.
    """
    wanted = size * np.dtype(dtype).itemsize
    memory = np.zeros(wanted + _LINE, np.uint8)
    begin = -memory.ctypes.data % _LINE
    return memory[begin : begin + wanted].view(dtype)


def copied(vector: Vector) -> Vector:
    """A copy that begins with a cache line, as `zeros` do."""
    copy = zeros(vector.size, vector.dtype)
    np.copyto(copy, vector)
    return copy
