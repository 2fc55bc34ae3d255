"""The peak of the unit that multiplies bfloat16: what its instructions do from registers alone."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Final

import numpy as np

from handstitch.arrays import aligned_zeros
from handstitch.compiled import tiles
from handstitch.compiled.availability import bfloat16_unit
from handstitch.compiled.jit import compiled
from handstitch.compiled.simd import LANES, fill, fma_rows, load, store

_NUMBERS, _VECTORS = 8, 2
_SUMS: Final = _NUMBERS * _VECTORS
"""Vectors of sums: so many that none waits for another."""
_ROUNDS: Final = 20_000


@compiled()
def _multiply_vectors(pairs, sums, rounds):
    """Rounds of eight pairs times a row of two vectors, added to sixteen vectors of sums."""
    row, totals = load(pairs, 0, _VECTORS, _VECTORS * LANES), fill(np.float32(0), _SUMS)
    for _ in range(rounds):
        totals = fma_rows(pairs, 0, 1, row, totals)
    store(sums, 0, totals, _SUMS * LANES)


def bfloat16_flops(seconds: float) -> float:
    """Floating-point operations per second of one thread, measured for about so long.

    Raises ValueError where there is no such unit.
    """
    unit = bfloat16_unit()
    if unit is None:
        raise ValueError("no unit multiplies bfloat16 here")
    pairs, sums = np.zeros(_SUMS * LANES, np.uint32), aligned_zeros(_SUMS * LANES)
    rates: list[float] = []
    until = perf_counter() + seconds
    while len(rates) < 3 or perf_counter() < until:
        began = perf_counter()
        if unit == "AMX":
            multiplications = tiles.multiply_registers(_ROUNDS)
        else:
            _multiply_vectors(pairs, sums, _ROUNDS)
            multiplications = _ROUNDS * _SUMS * LANES * 2
        rates.append(2 * multiplications / (perf_counter() - began))
    return median(rates[1:])  # the first compiles
