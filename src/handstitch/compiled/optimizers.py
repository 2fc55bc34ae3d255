"""The update rules of core/update_rules.py, compiled, on a gradient or on a part of one."""

from __future__ import annotations

from math import sqrt
from typing import Final, NamedTuple

import numpy as np
from numba import prange
from numba.np.unsafe.ndarray import to_fixed_tuple

from handstitch.arrays import Vector
from handstitch.compiled.formulas import choice, scalar, uncached
from handstitch.compiled.jit import PARALLEL, compiled
from handstitch.compiled.simd import outlined
from handstitch.core import update_rules
from handstitch.core.update_rules import OPTIMIZERS, Coefficients

CHUNK: Final = 4096
"""Parameters that a thread updates at a time."""
_COUNT: Final = len(Coefficients._fields)


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


class Target(NamedTuple):
    """What becomes of a gradient: core's Into, and the update of θ by each part once it is there.

    rule_id           the rule, by RULE_IDS; −1 where `parameters` take the gradient and no more
    coefficients      h of the rule, as an array: numba shares no tuple within another among threads
    decays            whether weights decay
    decays_biases     whether biases do
    theta             θ
    slot0, slot1      the rule's slots; θ where it has none
    """

    parameters: Vector
    alpha: float
    beta: float
    beta_biases: float
    rule_id: int
    coefficients: Vector
    decays: bool
    decays_biases: bool
    theta: Vector
    slot0: Vector
    slot1: Vector


@compiled()
def update_part(into, decays, begin, G):
    """Let the parameters from `begin` on decay, and update them by their gradient G, if the target
    wants an update.
    """
    outlined()
    if into.rule_id < 0:
        return
    here, h = slice(begin, begin + G.size), Coefficients(*to_fixed_tuple(into.coefficients, _COUNT))
    theta = into.theta[here]
    if decays:
        for i in range(G.size):
            theta[i] *= h.shrink
            G[i] += h.decay * theta[i]
    _apply(into.rule_id, h, theta, G, into.slot0[here], into.slot1[here])


@compiled(parallel=PARALLEL)
def update_range(threads, into, begin, end):
    """`update_part` of weights from `begin` to `end`, whose gradient is stored."""
    chunks = (end - begin + CHUNK - 1) // CHUNK
    for thread in prange(threads):
        for chunk in range(chunks * thread // threads, chunks * (thread + 1) // threads):
            start = begin + np.int64(chunk) * CHUNK
            update_part(into, into.decays, start, into.parameters[start : min(start + CHUNK, end)])


@compiled(parallel=PARALLEL)
def update(threads, into, clip_norm, decayed, squares):
    """Clip the gradient, let θ decay, and update it.

    `decayed` is the number of parameters that decay; `squares` has an entry for each chunk.
    """
    chunks, G = len(squares), into.parameters
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
            until = max(start, min(stop, decayed))
            update_part(into, True, np.int64(start), G[start:until])
            update_part(into, False, np.int64(until), G[until:stop])
