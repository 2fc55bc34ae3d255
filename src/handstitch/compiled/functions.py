"""Activations, their derivatives and the softmax: core/functions.py, compiled."""

from __future__ import annotations

from math import exp, expm1, log, tanh

import numpy as np

from handstitch.compiled.jit import compiled
from handstitch.core.functions import LEAK

_RELU, _LEAKY, _ELU, _SIGMOID = range(4)  # then tanh; in the order of ACTIVATIONS


@compiled()
def activate(activation_id, A):
    """A ← f(A)."""
    if activation_id == _RELU:
        for i in range(A.size):
            A[i] = np.float32(0) if A[i] < 0 else A[i]  # NaN stays NaN
    elif activation_id == _LEAKY:
        for i in range(A.size):
            A[i] = np.float32(LEAK) * A[i] if A[i] < 0 else A[i]
    elif activation_id == _ELU:
        for i in range(A.size):
            A[i] = np.float32(expm1(A[i])) if A[i] < 0 else A[i]
    elif activation_id == _SIGMOID:
        for i in range(A.size):
            A[i] = np.float32(0.5) * (np.float32(1) + np.float32(tanh(np.float32(0.5) * A[i])))
    else:
        for i in range(A.size):
            A[i] = np.float32(tanh(A[i]))


@compiled()
def activation_backward(activation_id, dA, A):
    """dA ← dA ⊙ f′, in terms of the output A."""
    one = np.float32(1)
    if activation_id == _RELU:
        for i in range(A.size):
            dA[i] = dA[i] if A[i] > 0 else np.float32(0)
    elif activation_id == _LEAKY:
        for i in range(A.size):
            dA[i] = dA[i] if A[i] > 0 else np.float32(LEAK) * dA[i]
    elif activation_id == _ELU:
        for i in range(A.size):
            dA[i] = dA[i] if A[i] > 0 else dA[i] * (A[i] + one)
    elif activation_id == _SIGMOID:
        for i in range(A.size):
            dA[i] *= A[i] * (one - A[i])
    else:
        for i in range(A.size):
            dA[i] *= one - A[i] * A[i]


@compiled()
def softmax(Z, P):
    """P ← eᶻ / Σ eᶻ of one sample; P may be z. Gives (argmax z, log Σ eᶻ).

    A function of its own: written out in a function with parallel loops, it gave NaN in some
    compilations and not in others.
    """
    predicted, total = 0, np.float32(0)
    for j in range(1, Z.size):
        if Z[j] > Z[predicted]:
            predicted = j
    largest = Z[predicted]
    for j in range(Z.size):
        P[j] = exp(Z[j] - largest)
        total += P[j]
    for j in range(Z.size):
        P[j] /= total
    return predicted, largest + log(np.float64(total))
