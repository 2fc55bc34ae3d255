"""Bytes of an npz file: the same arrays always give the same."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The arrays in row order as NumPy saves them, not compressed; text is no pickle."""
    file = io.BytesIO()
    whole: dict[str, Any] = {name: np.asarray(a, order="C") for name, a in arrays.items()}
    np.savez(file, allow_pickle=False, **whole)
    return file.getvalue()
