"""x ← (x − offset) · scale: preprocessing of pixels and features.

The constants are part of the model file, so that prediction uses those of training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images, Indices, Matrix, Vector
from handstitch.errors import Argument, ConfigError, Phrase

_BLOCK: Final = 2**20
"""Numbers looked at together: counting pixels widens them to 8 bytes."""
_SMALLEST: Final = 1e-37
"""A standard deviation below is taken for 0: float32 does not hold its reciprocal."""


class Scaling(NamedTuple):
    """x ← (x − offset) · scale: one offset and scale for all pixels; for features, one for each,
    as float32 vectors.
    """

    offset: float | Vector
    scale: float | Vector

    @property
    def kind(self) -> str:
        """The setting that gives such constants: 256, 255 or standard."""
        is_divisor = isinstance(self.offset, float) and self.offset == 0
        return next(
            (n for n in ("256", "255") if is_divisor and self.scale == 1 / int(n)), "standard"
        )

    def apply(self, pixels: Images, X: Matrix) -> None:
        """X ← (pixels − offset) · scale; X has the pixels' shape (n, inputs), and is overwritten.

        Pixels may be features.
        """
        np.copyto(X, pixels)
        if not isinstance(self.offset, float) or self.offset:
            np.subtract(X, self.offset, out=X)
        np.multiply(X, self.scale, out=X)


def fit(kind: str, images: Images, chosen: Indices) -> Scaling:
    """The scaling called `kind` (256, 255 or standard) for the `chosen` images or features.

    `standard` gives their pixels, or each feature, mean 0 and standard deviation 1; statistics are
    of the chosen samples alone, so that nothing of validation or test leaks in. Images of one grey
    level, and a constant feature, are only shifted, not scaled. Raises ConfigError for another kind
    of features, which have no range of their own.
    """
    if images.dtype != np.uint8:
        if kind != "standard":
            raise ConfigError(
                "this scaling is for pixels",
                found=f"scaling = {kind}, data of {images.shape[1]:,} features",
                wanted="standard, which gives each feature mean 0 and standard deviation 1",
                fix=Phrase("use {}", Argument("scaling", "standard")),
            )
        return _standardise(images, chosen)
    if kind != "standard":
        return Scaling(0.0, 1 / float(kind))
    mean, deviation = statistics(images, chosen)
    return Scaling(mean, 1 / deviation if deviation else 1.0)


def statistics(images: Images, chosen: Indices) -> tuple[float, float]:
    """Mean and standard deviation of all pixels of the chosen images, in grey levels 0 to 255.

    Exact whatever the number of pixels: pixels are counted by value, in whole numbers.
    """
    counts = np.zeros(256, np.int64)
    for part in _blocks(images, chosen):
        counts += np.bincount(part.reshape(-1), minlength=256)
    total = int(counts.sum())
    if total == 0:
        return 0.0, 0.0
    values = counts.tolist()  # Python's whole numbers have no end
    first = sum(value * count for value, count in enumerate(values))
    second = sum(value * value * count for value, count in enumerate(values))
    variance = (second * total - first * first) / (total * total)
    return first / total, float(np.sqrt(variance))


def _standardise(features: Images, chosen: Indices) -> Scaling:
    """Offset and scale of each feature, from its mean and standard deviation in float64."""
    width = features.shape[1]
    total, squares = np.zeros(width), np.zeros(width)
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    for part in _blocks(features, chosen):
        total += part.sum(axis=0, dtype=np.float64)
        np.minimum(low, part.min(axis=0), out=low)
        np.maximum(high, part.max(axis=0), out=high)
    mean = total / len(chosen)
    for part in _blocks(features, chosen):  # once more: nothing is lost to a large mean
        squares += np.square(part - mean).sum(axis=0)
    deviation = np.sqrt(squares / len(chosen))
    varies = (low < high) & (deviation > _SMALLEST)
    scale = np.divide(1, deviation, out=np.ones(width), where=varies)
    return Scaling(mean.astype(np.float32), scale.astype(np.float32))


def _blocks(images: Images, chosen: Indices) -> Iterator[NDArray[Any]]:
    """The chosen samples, some at a time."""
    rows = max(1, _BLOCK // max(1, images[0].size))
    return (images[chosen[start : start + rows]] for start in range(0, len(chosen), rows))
