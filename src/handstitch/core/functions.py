"""Each non-linearity with its derivative directly below it; softmax and cross-entropy as one.

Everything works in place. An activation overwrites Z with A = f(Z); `spare` is an array of the
same shape to compute in. A derivative multiplies dA by f′, written in terms of the output A, so
that Z need not be kept; A, not needed afterwards, is the space it computes in.

    f(Z, spare)        A = f(Z) stands where Z stood
    f_backward(dA, A)  dZ = dA ⊙ f′(Z) stands where dA stood; A is destroyed

At a kink the derivative is that of the left side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from handstitch.arrays import Matrix

LEAK: Final = 0.01
"""Slope of leaky ReLU below zero."""


def relu(Z: Matrix, spare: Matrix) -> None:
    """A = max(z, 0)."""
    np.maximum(Z, 0, out=Z)


def relu_backward(dA: Matrix, A: Matrix) -> None:
    """f′ = 1 where a > 0, else 0."""
    np.greater(A, 0, out=A)
    np.multiply(dA, A, out=dA)


def leaky_relu(Z: Matrix, spare: Matrix) -> None:
    """A = max(z, LEAK·z). Maas et al., "Rectifier nonlinearities", 2013."""
    np.multiply(Z, LEAK, out=spare)
    np.maximum(Z, spare, out=Z)


def leaky_relu_backward(dA: Matrix, A: Matrix) -> None:
    """f′ = 1 where a > 0, else LEAK."""
    np.greater(A, 0, out=A)
    np.maximum(A, LEAK, out=A)
    np.multiply(dA, A, out=dA)


def elu(Z: Matrix, spare: Matrix) -> None:
    """A = z where z > 0, else eᶻ − 1. arXiv:1511.07289."""
    np.minimum(Z, 0, out=spare)
    np.expm1(spare, out=spare)
    np.maximum(Z, spare, out=Z)  # eᶻ − 1 ≥ z always, so below zero the right one wins


def elu_backward(dA: Matrix, A: Matrix) -> None:
    """f′ = 1 where a > 0, else eᶻ = a + 1."""
    np.minimum(A, 0, out=A)
    np.add(A, 1, out=A)
    np.multiply(dA, A, out=dA)


def sigmoid(Z: Matrix, spare: Matrix) -> None:
    """A = 1 / (1 + e⁻ᶻ) = (1 + tanh(z/2)) / 2, which cannot overflow."""
    np.multiply(Z, 0.5, out=Z)
    np.tanh(Z, out=Z)
    np.add(Z, 1, out=Z)
    np.multiply(Z, 0.5, out=Z)


def sigmoid_backward(dA: Matrix, A: Matrix) -> None:
    """f′ = a (1 − a)."""
    np.multiply(dA, A, out=dA)
    np.subtract(1, A, out=A)
    np.multiply(dA, A, out=dA)


def tanh(Z: Matrix, spare: Matrix) -> None:
    """A = tanh z."""
    np.tanh(Z, out=Z)


def tanh_backward(dA: Matrix, A: Matrix) -> None:
    """f′ = 1 − a²."""
    np.square(A, out=A)
    np.subtract(1, A, out=A)
    np.multiply(dA, A, out=dA)


ACTIVATIONS: Final[dict[str, tuple[Callable[..., None], Callable[..., None]]]] = {
    "relu": (relu, relu_backward),
    "leaky_relu": (leaky_relu, leaky_relu_backward),
    "elu": (elu, elu_backward),
    "sigmoid": (sigmoid, sigmoid_backward),
    "tanh": (tanh, tanh_backward),
}


def dropout(A: Matrix, p: float, rng: np.random.Generator, mask: Matrix, out: Matrix) -> None:
    """out = A ⊙ mask, mask = 0 with probability p, else 1/(1 − p). JMLR 15 (2014), 1929-1958.

    Inverted: the expectation is that of A, so evaluation needs no correction. `mask` and `out`
    have A's shape and are overwritten. Backward is the same product: dA ⊙ mask.
    """
    # The generator fills arrays in row order only.
    rng.random(out=mask if mask.flags.c_contiguous else mask.T, dtype=mask.dtype.type)
    np.greater_equal(mask, p, out=mask)
    np.multiply(mask, 1 / (1 - p), out=mask)
    np.multiply(A, mask, out=out)


def softmax(Z: Matrix, P: Matrix, column: Matrix) -> None:
    """P = eᶻ / Σ eᶻ along each row, from logits shifted to a maximum of 0: nothing overflows.

    `column` (n, 1) is space to compute in. P may be Z.
    """
    np.max(Z, axis=1, keepdims=True, out=column)
    np.subtract(Z, column, out=P)
    np.exp(P, out=P)
    np.sum(P, axis=1, keepdims=True, out=column)
    np.divide(P, column, out=P)


def softmax_cross_entropy(Z: Matrix, Y: Matrix, dZ: Matrix, column: Matrix) -> float:
    """L = Σ (log Σ eᶻ − Σ y z), summed over the rows, in nats; and dZ = ∂L/∂Z = P − Y.

    Z (n, classes) logits, Y targets with rows that add up to 1. dZ and `column` (n, 1) are
    overwritten. The logarithm is of a sum that is at least 1: no log(0), no ε.
    """
    np.max(Z, axis=1, keepdims=True, out=column)
    np.subtract(Z, column, out=dZ)
    loss = -float(np.einsum("nc,nc->", Y, dZ))
    np.exp(dZ, out=dZ)
    np.sum(dZ, axis=1, keepdims=True, out=column)
    np.divide(dZ, column, out=dZ)
    np.log(column, out=column)
    loss += float(np.sum(column))
    np.subtract(dZ, Y, out=dZ)
    return loss
