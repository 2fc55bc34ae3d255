"""Moran's I of a first-layer unit: are its weights on neighbouring pixels alike?

A unit that looks for something on an image has weights of one sign over some region; noise has
not. (P. A. P. Moran, "Notes on continuous stochastic phenomena", Biometrika 37, 1950.)
"""

from __future__ import annotations

from typing import Final

import numpy as np

from handstitch.arrays import Matrix, Vector

NOISE: Final = 2.326
"""Deviations that one in a hundred units of shuffled weights exceeds."""
_SHARE: Final = 0.2
"""Share of units above NOISE below which a layer looks like noise; chance alone gives 0.01."""


def neighbour_correlation(
    W: Matrix, image_shape: tuple[int, ...], mask: Matrix | None = None
) -> Vector:
    """z of each column of W (inputs, units): its Moran's I against that of shuffled weights.

    I = (n / Σ aᵢⱼ) Σ aᵢⱼ xᵢ xⱼ / Σ xᵢ² over the n weights where `mask` is 1, less their mean;
    aᵢⱼ = 1 for pixels side by side in one channel. z = (I − E I) / sd I, with mean and deviation
    under normal weights (A. D. Cliff and J. K. Ord, "Spatial Processes", 1981). 0 for a unit whose
    weights are all alike.
    """
    units = W.shape[1]
    shape = (units, *image_shape[:2], int(np.prod(image_shape[2:])))
    inside = np.ones(shape) if mask is None else (mask.T != 0).astype(np.float64).reshape(shape)
    x = W.T.reshape(shape) * inside
    n = inside.sum(axis=(1, 2, 3))
    x = (x - (x.sum(axis=(1, 2, 3)) / n)[:, None, None, None]) * inside
    pairs, alike, degrees = np.zeros(units), np.zeros(units), np.zeros(shape)
    for axis in (1, 2):
        first, second = (
            tuple(part if k == axis else slice(None) for k in range(4))
            for part in (slice(None, -1), slice(1, None))
        )
        joined = inside[first] * inside[second]
        pairs += joined.sum(axis=(1, 2, 3))
        alike += (x[first] * x[second]).sum(axis=(1, 2, 3))
        degrees[first] += joined
        degrees[second] += joined
    s0, s1, s2 = 2 * pairs, 4 * pairs, 4 * np.square(degrees).sum(axis=(1, 2, 3))
    power = np.square(x).sum(axis=(1, 2, 3))
    is_defined = (power > 0) & (pairs > 0) & (n > 2)
    with np.errstate(all="ignore"):
        correlation = n / s0 * 2 * alike / power
        expected = -1 / (n - 1)
        variance = (n**2 * s1 - n * s2 + 3 * s0**2) / ((n**2 - 1) * s0**2) - expected**2
        z = (correlation - expected) / np.sqrt(variance)
    return np.where(is_defined & np.isfinite(z), z, 0.0)


def is_noise(z: Vector) -> bool:
    """Whether four in five units look like shuffled weights."""
    return bool(np.mean(z > NOISE) < _SHARE)
