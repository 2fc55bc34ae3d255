"""Dropout; softmax and cross-entropy as one. Everything works in place."""

from __future__ import annotations

import numpy as np

from handstitch.arrays import Matrix


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


def softmax_cross_entropy(Z: Matrix, Y: Matrix, dZ: Matrix, column: Matrix, s: Matrix) -> float:
    """L = Σ (s log Σ eᶻ − Σ y z), summed over the rows, in nats; and dZ = ∂L/∂Z = s P − Y.

    Z (n, classes) logits, Y targets, s = Σ y their row sums: 1, or a sample's weight. dZ, `column`
    and s (n, 1) are overwritten. The logarithm is of a sum that is at least 1: no log(0), no ε.
    """
    np.sum(Y, axis=1, keepdims=True, out=s)
    np.max(Z, axis=1, keepdims=True, out=column)
    np.subtract(Z, column, out=dZ)
    loss = -float(np.einsum("nc,nc->", Y, dZ))
    np.exp(dZ, out=dZ)
    np.sum(dZ, axis=1, keepdims=True, out=column)
    np.divide(dZ, column, out=dZ)
    np.log(column, out=column)
    np.multiply(s, column, out=column)
    loss += float(np.sum(column))
    np.multiply(s, dZ, out=dZ)
    np.subtract(dZ, Y, out=dZ)
    return loss
