"""Parts of a data set as a reader finds them: samples with their labels as written."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Samples(NamedTuple):
    """Images or feature vectors, each with its label."""

    images: NDArray[np.uint8] | NDArray[np.float32]
    """uint8 (n, rows, columns) or (n, rows, columns, 3), or float32 (n, features)."""
    labels: NDArray[np.int64] | NDArray[np.str_]
    """(n,), as they are written: words, or whole numbers with or without gaps."""
    files: Callable[[], list[str]] = list
    """Lists the path of each, below that of the data set; none where a file holds several."""


class Parts(NamedTuple):
    """The parts of a data set that its files hold."""

    train: Samples
    validation: Samples | None = None
    test: Samples | None = None
    class_names: tuple[str, ...] = ()
    """Names of the classes 0, 1, …, where the format fixes them; empty: the distinct labels are
    the classes, in natural order (9 before 10)."""
