"""Activations: each a formula, with its derivative directly below it.

    A = f(Z)
    dZ = dA ⊙ f′        f′ is written in terms of the output A, so that Z need not be kept

A formula holds for one number as for an array. NumPy applies it to arrays, and the numba backend
compiles the same text for one float32 at a time: an edit here trains in both. Constants are written
as floats and take the precision of the array. The gradient check computes f of complex numbers, so
f is made of analytic functions, np.maximum and np.minimum. At a kink the derivative is that of the
left side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from handstitch.arrays import Matrix, blocks

LEAK: Final = 0.01
"""Slope of leaky ReLU below zero."""

ACTIVATIONS: Final[dict[str, tuple[Callable[..., Any], Callable[..., Any]]]] = {
    "relu": (  # f′ = 1 where a > 0, else 0
        lambda Z: np.maximum(Z, 0.0),
        lambda dA, A: dA * (A > 0.0),
    ),
    "leaky_relu": (  # f′ = 1 where a > 0, else LEAK. Maas et al., "Rectifier nonlinearities", 2013
        lambda Z: np.maximum(Z, LEAK * Z),
        lambda dA, A: dA * np.maximum(np.sign(A), LEAK),
    ),
    "elu": (  # eᶻ − 1 where z < 0, and f′ = eᶻ = a + 1 there. arXiv:1511.07289
        lambda Z: np.maximum(Z, np.expm1(np.minimum(Z, 0.0))),
        lambda dA, A: dA * (np.minimum(A, 0.0) + 1.0),
    ),
    "sigmoid": (  # 1 / (1 + e⁻ᶻ), which would overflow, = (tanh(z/2) + 1) / 2. f′ = a (1 − a)
        lambda Z: 0.5 * (np.tanh(0.5 * Z) + 1.0),
        lambda dA, A: dA * A * (1.0 - A),
    ),
    "tanh": (  # f′ = 1 − a²
        lambda Z: np.tanh(Z),  # noqa: PLW0108 (numba compiles the text of a function)
        lambda dA, A: dA * (1.0 - A * A),
    ),
}

if TYPE_CHECKING:
    Activation = str
else:
    Activation = Literal[tuple(ACTIVATIONS)]
    """The name of a row."""


def apply(formula: Callable[..., Any], out: Matrix, *inputs: Matrix) -> None:
    """out ← formula(out, *inputs), in place.

    All are in row order or all in column order, without gaps; otherwise raises ValueError.
    """
    flat = [array.reshape(-1, order="A", copy=False) for array in (out, *inputs)]
    for part in blocks(out.size):
        np.copyto(flat[0][part], formula(*(array[part] for array in flat)))
