"""Activations and their derivatives, compiled from core/activations.py; the softmax."""

from __future__ import annotations

from math import exp, log

import numpy as np

from handstitch.compiled.formulas import choice, scalar, uncached
from handstitch.compiled.jit import compiled
from handstitch.core.activations import ACTIVATIONS


def _forward_loop(formula):
    f = scalar(formula)

    @uncached
    def loop(A):
        for i in range(A.size):
            A[i] = f(A[i])

    return loop


def _backward_loop(formula):
    f_backward = scalar(formula)

    @uncached
    def loop(dA, A):
        for i in range(A.size):
            dA[i] = f_backward(dA[i], A[i])

    return loop


ACTIVATION_IDS = {name: number for number, name in enumerate(ACTIVATIONS)}
activate = choice([_forward_loop(f) for f, _ in ACTIVATIONS.values()])
"""(activation_id, A): A ← f(A)."""
activation_backward = choice([_backward_loop(f_backward) for _, f_backward in ACTIVATIONS.values()])
"""(activation_id, dA, A): dA ← dA ⊙ f′, in terms of the output A."""


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


@compiled()
def softmax_cross_entropy(Z, Y):
    """(argmax z, L = s log Σ eᶻ − Σ y z) of one sample with targets y, s = Σ y; Z ← s P − Y."""
    s, correct = np.float32(0), 0.0
    for j in range(Z.size):
        s += Y[j]
        correct += np.float64(Y[j]) * Z[j]
    predicted, log_sum = softmax(Z, Z)
    for j in range(Z.size):
        Z[j] = s * Z[j] - Y[j]
    return predicted, s * log_sum - correct
