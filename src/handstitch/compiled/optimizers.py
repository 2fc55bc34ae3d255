"""The update rules of core/update_rules.py, compiled, on a gradient that is stored."""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np
from numba import prange

from handstitch.compiled.formulas import choice, scalar, uncached
from handstitch.compiled.jit import PARALLEL, compiled
from handstitch.core import update_rules
from handstitch.core.update_rules import OPTIMIZERS

CHUNK: Final = 4096
"""Parameters that a thread updates at a time."""


def _loop(formula, slots):
    rule = scalar(formula)

    def with_none(h, theta, G, slot0, slot1):
        for i in range(G.size):
            (theta[i],) = rule(theta[i], G[i], h)

    def with_one(h, theta, G, slot0, slot1):
        for i in range(G.size):
            theta[i], slot0[i] = rule(theta[i], G[i], h, slot0[i])

    def with_two(h, theta, G, slot0, slot1):
        for i in range(G.size):
            theta[i], slot0[i], slot1[i] = rule(theta[i], G[i], h, slot0[i], slot1[i])

    return uncached((with_none, with_one, with_two)[len(slots)])


RULE_IDS = {name: number for number, name in enumerate(OPTIMIZERS)}
_apply = choice([_loop(rule, slots) for rule, slots in OPTIMIZERS.values()])
_clipping = uncached(update_rules.clipping)


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
def update(threads, rule_id, h, clip_norm, decayed, theta, G, slot0, slot1, squares):
    """Clip the gradient, let θ decay, and update it, by coefficients h in float32.

    `decayed` is the number of parameters that decay; `squares` has an entry for each chunk.
    """
    chunks = len(squares)
    scale = np.float32(1)
    if clip_norm > 0:
        for thread in prange(threads):
            for chunk in range(chunks * thread // threads, chunks * (thread + 1) // threads):
                squares[chunk] = _squares(G[chunk * CHUNK : min((chunk + 1) * CHUNK, G.size)])
        scale = np.float32(_clipping(sqrt(squares.sum()), clip_norm))
    for thread in prange(threads):
        for chunk in range(chunks * thread // threads, chunks * (thread + 1) // threads):
            start, stop = chunk * CHUNK, min((chunk + 1) * CHUNK, G.size)
            if clip_norm > 0:
                for i in range(start, stop):
                    G[i] *= scale
            until = min(stop, decayed)
            for i in range(start, until):
                theta[i] *= h.shrink
                G[i] += h.decay * theta[i]
            here = slice(start, stop)
            _apply(rule_id, h, theta[here], G[here], slot0[here], slot1[here])
