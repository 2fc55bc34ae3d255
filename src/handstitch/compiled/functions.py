"""Activations, their derivatives and the softmax: core/functions.py, compiled."""

from __future__ import annotations

from math import exp, expm1, log, tanh

import numpy as np

from handstitch.compiled.jit import compiled
from handstitch.core.functions import LEAK

_RELU, _LEAKY, _ELU, _SIGMOID = range(4)  # then tanh; in the order of ACTIVATIONS


@compiled()
def activate(kind, A):
    """A = f(Z) stands where Z stood."""
    if kind == _RELU:
        for i in range(A.size):
            A[i] = np.float32(0) if A[i] < 0 else A[i]  # NaN stays NaN
    elif kind == _LEAKY:
        for i in range(A.size):
            A[i] = np.float32(LEAK) * A[i] if A[i] < 0 else A[i]
    elif kind == _ELU:
        for i in range(A.size):
            A[i] = np.float32(expm1(A[i])) if A[i] < 0 else A[i]
    elif kind == _SIGMOID:
        for i in range(A.size):
            A[i] = np.float32(0.5) * (np.float32(1) + np.float32(tanh(np.float32(0.5) * A[i])))
    else:
        for i in range(A.size):
            A[i] = np.float32(tanh(A[i]))


@compiled()
def derive(kind, dA, A):
    """dZ = dA ⊙ f′(Z) stands where dA stood."""
    one = np.float32(1)
    if kind == _RELU:
        for i in range(A.size):
            dA[i] = dA[i] if A[i] > 0 else np.float32(0)
    elif kind == _LEAKY:
        for i in range(A.size):
            dA[i] = dA[i] if A[i] > 0 else np.float32(LEAK) * dA[i]
    elif kind == _ELU:
        for i in range(A.size):
            dA[i] = dA[i] if A[i] > 0 else dA[i] * (A[i] + one)
    elif kind == _SIGMOID:
        for i in range(A.size):
            dA[i] *= A[i] * (one - A[i])
    else:
        for i in range(A.size):
            dA[i] *= one - A[i] * A[i]


@compiled()
def softmax(Z, P):
    """The softmax of z to P, which may be z itself: (where the largest is, log Σ eᶻ).

    Kept out of every function with parallel parts: compiled as a part of one, it gave NaN in some
    compilations and not in others.
    """
    top, total = 0, np.float32(0)
    for j in range(1, Z.size):
        if Z[j] > Z[top]:
            top = j
    largest = Z[top]
    for j in range(Z.size):
        P[j] = exp(Z[j] - largest)
        total += P[j]
    for j in range(Z.size):
        P[j] /= total
    return top, largest + log(np.float64(total))
