"""Names for the three kinds of array that travel through the package.

They are names for readers and for the type checker; nothing is checked at run time.
"""

from __future__ import annotations

from typing import Any

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
