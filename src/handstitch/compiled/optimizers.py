"""How a gradient that stands in an array moves θ: the rules of core/optimizers.py, compiled."""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np
from numba import prange

from handstitch.compiled.jit import PARALLEL, compiled

_SGD, _MOMENTUM, _NESTEROV, _RMSPROP = range(4)  # then Adam; in the order of OPTIMIZERS
BLOCK: Final = 4096
"""Numbers taken at a time."""


@compiled()
def _move(rule, h, theta, G, first, second):
    """The rules of core/optimizers.py, number by number."""
    eta, mu, beta1, beta2, epsilon, root, one = h[0], h[1], h[2], h[3], h[4], h[5], np.float32(1)
    if rule == _SGD:
        for i in range(G.size):
            theta[i] -= eta * G[i]
    elif rule == _MOMENTUM:
        for i in range(G.size):
            first[i] = mu * first[i] + G[i]
            theta[i] -= eta * first[i]
    elif rule == _NESTEROV:
        for i in range(G.size):
            first[i] = mu * first[i] + G[i]
            theta[i] -= eta * (G[i] + mu * first[i])
    elif rule == _RMSPROP:
        for i in range(G.size):
            first[i] = beta2 * first[i] + (one - beta2) * (G[i] * G[i])
            theta[i] -= eta * G[i] / (sqrt(first[i]) + epsilon)
    else:
        for i in range(G.size):
            first[i] = beta1 * first[i] + (one - beta1) * G[i]
            second[i] = beta2 * second[i] + (one - beta2) * (G[i] * G[i])
            theta[i] -= eta * first[i] / (sqrt(second[i]) / root + epsilon)


@compiled()
def _squares(numbers):
    """Σ g², in sixteen sums side by side: in one order, and yet as fast as vectors are."""
    sums, whole = np.zeros(16, np.float32), numbers.size // 16 * 16
    for i in range(0, whole, 16):
        for lane in range(16):
            sums[lane] += numbers[i + lane] * numbers[i + lane]
    total = np.float64(0)
    for each in sums:
        total += each
    for i in range(whole, numbers.size):
        total += numbers[i] * numbers[i]
    return total


@compiled(parallel=PARALLEL)
def update(parts, rule, h, clip, decay, shrink, decayed, theta, G, first, second, squares):
    """Clip the gradient, add `decay` · θ to it or multiply θ by `shrink`, and move θ.

    `squares` has a place for each block of the gradient, whoever sums it.
    """
    blocks = len(squares)
    scale = np.float32(1)
    if clip > 0:
        for part in prange(parts):
            for block in range(blocks * part // parts, blocks * (part + 1) // parts):
                squares[block] = _squares(G[block * BLOCK : min((block + 1) * BLOCK, G.size)])
        scale = np.float32(min(1.0, clip / max(sqrt(squares.sum()), np.float64(h[4]))))
    for part in prange(parts):
        for block in range(blocks * part // parts, blocks * (part + 1) // parts):
            start, stop = block * BLOCK, min((block + 1) * BLOCK, G.size)
            if clip > 0:
                for i in range(start, stop):
                    G[i] *= scale
            until = min(stop, decayed)
            for i in range(start, until):
                theta[i] *= shrink
                G[i] += decay * theta[i]
            here = slice(start, stop)
            _move(rule, h, theta[here], G[here], first[here], second[here])
