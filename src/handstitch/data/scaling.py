"""x ← (x − offset) · scale: preprocessing of pixels.

The two constants are part of the model file, so that prediction uses those of training.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from handstitch.arrays import Images, Indices, Matrix


class Scaling(NamedTuple):
    """x ← (x − offset) · scale."""

    offset: float
    scale: float

    def apply(self, pixels: Images, X: Matrix) -> None:
        """X ← (pixels − offset) · scale; X has the pixels' shape and is overwritten."""
        np.copyto(X, pixels)
        if self.offset:
            np.subtract(X, self.offset, out=X)
        np.multiply(X, self.scale, out=X)


def fit(kind: str, images: Images, chosen: Indices) -> Scaling:
    """The scaling called `kind` (256, 255 or standard) for the `chosen` images.

    `standard` gives their pixels mean 0 and standard deviation 1; statistics are of the chosen
    images alone, so that nothing of validation or test leaks in. Images of one
    grey level are only shifted, not scaled.
    """
    if kind != "standard":
        return Scaling(0.0, 1 / float(kind))
    mean, deviation = statistics(images, chosen)
    return Scaling(mean, 1 / deviation if deviation else 1.0)


def statistics(images: Images, chosen: Indices) -> tuple[float, float]:
    """Mean and standard deviation of all pixels of the chosen images, in grey levels 0 to 255.

    Exact whatever the number of pixels: pixels are counted by value, in whole numbers.
    """
    counts = np.zeros(256, np.int64)
    for start in range(0, len(chosen), 1000):  # bincount widens to 8 bytes a pixel
        part = images[chosen[start : start + 1000]]
        counts += np.bincount(part.reshape(-1), minlength=256)
    total = int(counts.sum())
    if total == 0:
        return 0.0, 0.0
    values = counts.tolist()  # Python's whole numbers have no end
    first = sum(value * count for value, count in enumerate(values))
    second = sum(value * value * count for value, count in enumerate(values))
    variance = (second * total - first * first) / (total * total)
    return first / total, float(np.sqrt(variance))
