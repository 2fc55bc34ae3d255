"""θ: every learned number in one vector, and views of it as weights and biases.

    θ = [ W₀ | W₁ | … | b₀ | b₁ | … ]     Wₗ: (inputs, outputs), bₗ: (outputs,)

One vector makes a copy, a norm, an average or an optimizer's step one array operation. All
weights stand before all biases, so that "the weights" are one slice, too.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import numpy as np

from handstitch.arrays import Matrix, Vector, aligned_copy, aligned_zeros

INITIALIZATIONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "he": lambda inputs, outputs: np.sqrt(2 / inputs),  # arXiv:1502.01852, for ReLU
    "xavier": lambda inputs, outputs: np.sqrt(2 / (inputs + outputs)),  # Glorot, AISTATS 2010
    "lecun": lambda inputs, outputs: np.sqrt(1 / inputs),  # "Efficient BackProp", 1998
}
"""Standard deviation of a layer's initial weights; biases start at 0."""


class Parameters:
    """The vector θ of a network with these layer sizes, and its views.

    `sizes` counts units from the input to the output: (784, 512, 256, 10) has three layers.
    """

    def __init__(self, sizes: tuple[int, ...], vector: Vector) -> None:
        self.sizes = sizes
        self.vector = vector
        self.weight_count = sum(n * m for n, m in pairwise(sizes))
        if vector.shape != (count(sizes),):
            raise ValueError(f"sizes {sizes} need {count(sizes)} numbers, not {vector.shape}")
        self.weights: list[Matrix] = []
        self.biases: list[Vector] = []
        start = 0
        for n, m in pairwise(sizes):
            self.weights.append(vector[start : start + n * m].reshape(n, m))
            start += n * m
        for m in sizes[1:]:
            self.biases.append(vector[start : start + m])
            start += m

    @classmethod
    def random(
        cls,
        sizes: tuple[int, ...],
        rng: np.random.Generator,
        initialization: str = "he",
        dtype: Any = np.float32,
        mask: Matrix | None = None,
    ) -> Parameters:
        """W ~ N(0, σ²) with σ from INITIALIZATIONS, b = 0.

        Drawn in float64 and rounded, so that both precisions start from the same network. A
        `mask` of 0 and 1 is for the first layer; σ follows the inputs and outputs that it leaves.
        """
        parameters = cls(sizes, aligned_zeros(count(sizes), dtype))
        for layer, W in enumerate(parameters.weights):
            inputs, outputs = W.shape
            if layer == 0 and mask is not None:
                inputs, outputs = mask.sum(0, dtype=float), mask.sum(1, dtype=float)[:, None]
            W[:] = INITIALIZATIONS[initialization](inputs, outputs) * rng.standard_normal(W.shape)
        if mask is not None:
            parameters.weights[0] *= mask
        return parameters

    def decayed(self, biases: bool) -> Vector:
        """The part of θ that weight decay acts on: all of it, or the weights."""
        return self.vector if biases else self.vector[: self.weight_count]

    def zeros_like(self) -> Parameters:
        """Zeros of the same sizes: a gradient, a velocity, a moment."""
        return Parameters(self.sizes, aligned_zeros(self.vector.size, self.vector.dtype))

    def copy(self) -> Parameters:
        """An independent copy."""
        return Parameters(self.sizes, aligned_copy(self.vector))


def count(sizes: tuple[int, ...]) -> int:
    """Σ (inputs + 1) · outputs, the number of parameters."""
    return sum((n + 1) * m for n, m in pairwise(sizes))
