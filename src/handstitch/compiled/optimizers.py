"""The update rules of core/optimizers.py, compiled, on a gradient that is stored."""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np
from numba import prange

from handstitch.compiled.jit import PARALLEL, compiled

_SGD, _MOMENTUM, _NESTEROV, _RMSPROP = range(4)  # then Adam; in the order of OPTIMIZERS
CHUNK: Final = 4096
"""Parameters that a thread updates at a time."""


@compiled()
def _apply(rule, h, theta, G, slot0, slot1):
    """θ ← θ − η · (what the rule makes of G), parameter by parameter."""
    eta, mu, beta1, beta2, epsilon, root, one = h[0], h[1], h[2], h[3], h[4], h[5], np.float32(1)
    if rule == _SGD:
        for i in range(G.size):
            theta[i] -= eta * G[i]
    elif rule == _MOMENTUM:
        for i in range(G.size):
            slot0[i] = mu * slot0[i] + G[i]
            theta[i] -= eta * slot0[i]
    elif rule == _NESTEROV:
        for i in range(G.size):
            slot0[i] = mu * slot0[i] + G[i]
            theta[i] -= eta * (G[i] + mu * slot0[i])
    elif rule == _RMSPROP:
        for i in range(G.size):
            slot0[i] = beta2 * slot0[i] + (one - beta2) * (G[i] * G[i])
            theta[i] -= eta * G[i] / (sqrt(slot0[i]) + epsilon)
    else:
        for i in range(G.size):
            slot0[i] = beta1 * slot0[i] + (one - beta1) * G[i]
            slot1[i] = beta2 * slot1[i] + (one - beta2) * (G[i] * G[i])
            theta[i] -= eta * slot0[i] / (sqrt(slot1[i]) / root + epsilon)


@compiled()
def _squares(numbers):
    """Σ g², in sixteen sums side by side: in one order, and yet vectorized."""
    sums, whole = np.zeros(16, np.float32), numbers.size // 16 * 16
    for i in range(0, whole, 16):
        for lane in range(16):
            sums[lane] += numbers[i + lane] * numbers[i + lane]
    total = np.float64(0)
    for lane_sum in sums:
        total += lane_sum
    for i in range(whole, numbers.size):
        total += numbers[i] * numbers[i]
    return total


@compiled(parallel=PARALLEL)
def update(threads, rule, h, clip, decay, shrink, decayed, theta, G, slot0, slot1, squares):
    """Clip the gradient, add `decay` · θ to it or multiply θ by `shrink`, and update θ.

    `decayed` is the number of parameters that decay; `squares` has an entry for each chunk.
    """
    chunks = len(squares)
    scale = np.float32(1)
    if clip > 0:
        for thread in prange(threads):
            for chunk in range(chunks * thread // threads, chunks * (thread + 1) // threads):
                squares[chunk] = _squares(G[chunk * CHUNK : min((chunk + 1) * CHUNK, G.size)])
        scale = np.float32(min(1.0, clip / max(sqrt(squares.sum()), np.float64(h[4]))))
    for thread in prange(threads):
        for chunk in range(chunks * thread // threads, chunks * (thread + 1) // threads):
            start, stop = chunk * CHUNK, min((chunk + 1) * CHUNK, G.size)
            if clip > 0:
                for i in range(start, stop):
                    G[i] *= scale
            until = min(stop, decayed)
            for i in range(start, until):
                theta[i] *= shrink
                G[i] += decay * theta[i]
            here = slice(start, stop)
            _apply(rule, h, theta[here], G[here], slot0[here], slot1[here])
