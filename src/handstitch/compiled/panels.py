"""Both factors of a product made ready for the kernels: as they are, or as pairs of bfloat16.

C = S B. B is copied into panels, and the numbers of S that are not 0 are looked for. Where a panel
is of uint32, both are rounded on the way, and numbers that follow each other along the sums share a
lane: of S two in a row, of B two in a column. The last of an odd number has a 0 beside it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from handstitch.compiled.bfloat16 import by_format, round_alternately, round_in_order
from handstitch.compiled.bits import nonzero_bits
from handstitch.compiled.formulas import uncached
from handstitch.compiled.jit import compiled
from handstitch.compiled.kernels import MASK_BITS
from handstitch.compiled.simd import (
    LANES,
    fill,
    load,
    load_block,
    load_rows,
    outlined,
    products,
    store,
    store_block,
    transpose,
)

_MASK_VECTORS: Final = MASK_BITS // LANES
_TINY: Final = np.finfo(np.float32).tiny


@compiled()
def whole_vectors(count):
    """`count` numbers with those that fill their last vector."""
    return (count + LANES - 1) // LANES * LANES


@compiled()
def nonzero_mask(numbers, count):
    """Σ 2ⁱ over the numbers or pairs i < `count` ≤ 64 that are not 0.

    All 64 must be readable, whatever `count`.
    """
    kept = np.uint64(2**64 - 1) >> np.uint64(MASK_BITS - count)
    return nonzero_bits(load(numbers, 0, _MASK_VECTORS, MASK_BITS)) & kept


@compiled()
def _pack_numbers(panel, B, ld, rows, width):
    outlined()
    pitch = whole_vectors(width)
    zeros, infinite = fill(np.float32(0), 1), np.uint64(0)  # 0 · ∞ and 0 · NaN are not 0
    if width <= LANES:
        for i in range(rows):
            numbers = load(B, i * ld, 1, width)
            infinite |= nonzero_bits(products(numbers, zeros))
            store(panel, i * LANES, numbers, LANES)
    else:
        both = fill(np.float32(0), 2)
        for i in range(rows):
            for j in range(0, pitch, 2 * LANES):
                numbers = load(B, i * ld + j, 2, 2 * LANES)
                infinite |= nonzero_bits(products(numbers, both))
                store(panel, i * pitch + j, numbers, 2 * LANES)
    return infinite == 0


@compiled()
def _pack_pairs(panel, B, ld, rows, width):
    outlined()
    pitch, zeros, infinite = whole_vectors(width), fill(np.uint32(0), 1), np.uint64(0)
    for i in range(0, 2 * whole_vectors((rows + 1) // 2), 2):  # tiles are read to their ends
        for j in range(0, pitch, LANES):
            low = load(B, i * ld + j, 1, width - j if i < rows else 0)
            high = load(B, i * ld + ld + j, 1, width - j if i + 1 < rows else 0)
            pairs = round_alternately(low, high)
            infinite |= nonzero_bits(products(pairs, zeros))
            store(panel, i // 2 * pitch + j, pairs, LANES)
    return infinite == 0


pack = by_format(_pack_numbers, _pack_pairs)
"""(panel, B, ld, rows, width): panel ← the first `width` columns of `rows` rows of B, padded with 0
to whole vectors; ld is the distance of two rows of B. Gives whether all these numbers are finite.
"""


@compiled()
def _transpose_numbers(panel, B, ld, rows, width):
    outlined()
    pitch = whole_vectors(width)
    zeros, infinite = fill(np.float32(0), LANES), np.uint64(0)
    for j in range(0, width, LANES):
        for i in range(0, rows, LANES):
            if j + LANES <= width and i + LANES <= rows:  # no masks
                block = load_block(B, j * ld + i, ld, LANES, LANES)
            else:
                block = load_block(B, j * ld + i, ld, width - j, rows - i)
            infinite |= nonzero_bits(products(block, zeros))
            block = transpose(block)
            store_block(panel, i * pitch + j, block, pitch, LANES, LANES)
    return infinite == 0


@compiled()
def _transpose_pairs(panel, B, ld, rows, width):
    outlined()
    pitch = whole_vectors(width)
    zeros, infinite = fill(np.uint32(0), LANES), np.uint64(0)
    for j in range(0, width, LANES):
        for i in range(0, rows, 2 * LANES):
            low = load_block(B, j * ld + i, ld, width - j, rows - i)
            high = load_block(B, j * ld + i + LANES, ld, width - j, rows - i - LANES)
            block = round_in_order(low, high)
            infinite |= nonzero_bits(products(block, zeros))
            block = transpose(block)
            store_block(panel, i // 2 * pitch + j, block, pitch, LANES, LANES)
    return infinite == 0


pack_transposed = by_format(_transpose_numbers, _transpose_pairs)
"""As `pack`, of the transpose of B, which has `width` rows at a distance of ld."""


@compiled()
def _turn_numbers(turned, S, ld, count, rows, masks):
    _transpose_numbers(turned, S, ld, count, rows)
    pitch = whole_vectors(rows)
    for i in range(count):
        masks[i] = nonzero_mask(turned[i * pitch :], rows)


@compiled()
def _turn_pairs(turned, S, ld, count, rows, masks):
    outlined()
    pairs = (rows + 1) // 2
    pitch = whole_vectors(pairs)
    for j in range(0, rows, 2 * LANES):
        for i in range(0, count, LANES):
            at, left = j * ld + i, rows - j
            low = load_block(S, at, 2 * ld, (left + 1) // 2, count - i)
            high = load_block(S, at + ld, 2 * ld, left // 2, count - i)
            block = round_alternately(low, high)
            block = transpose(block)
            store_block(turned, i * pitch + j // 2, block, pitch, LANES, LANES)
    for i in range(count):
        masks[i] = nonzero_mask(turned[i * pitch :], pairs)


turn = by_format(_turn_numbers, _turn_pairs)
"""(turned, S, ld, count, rows, masks): turned ← the first `count` columns of `rows` rows of S, each
as a row of whole vectors, and masks[i] of the numbers of row i that are not 0.
"""


@compiled()
def _numbers(panel, rounded, S, ld, n, depth, masks):
    words = (depth + MASK_BITS - 1) // MASK_BITS
    for i in range(n):
        for word in range(words):
            k = word * MASK_BITS
            masks[i * words + word] = nonzero_mask(S[i * ld + k :], min(MASK_BITS, depth - k))
    return S, ld


@compiled()
def _pairs(panel, rounded, S, ld, n, depth, masks):
    outlined()
    pitch = whole_vectors((depth + 1) // 2)
    words = (pitch + MASK_BITS - 1) // MASK_BITS
    for i in range(n):
        for word in range(words):
            k, to = 2 * word * MASK_BITS, i * pitch + word * MASK_BITS
            if k + 2 * MASK_BITS <= depth:
                low = load_rows(S, i * ld + k, 2 * LANES, _MASK_VECTORS, 1, LANES)
                high = load_rows(S, i * ld + k + LANES, 2 * LANES, _MASK_VECTORS, 1, LANES)
                pairs = round_in_order(low, high)
                store(rounded, to, pairs, MASK_BITS)
                masks[i * words + word] = nonzero_bits(pairs)
                continue
            mask = np.uint64(0)
            for at in range(0, min(pitch - word * MASK_BITS, MASK_BITS), LANES):
                begin, left = i * ld + k + 2 * at, depth - k - 2 * at
                some = round_in_order(
                    load(S, begin, 1, left), load(S, begin + LANES, 1, left - LANES)
                )
                store(rounded, to + at, some, LANES)
                mask |= nonzero_bits(some) << np.uint64(at)
            masks[i * words + word] = mask
    return rounded, pitch


nonzeros = by_format(_numbers, _pairs)
"""(panel, rounded, S, ld, n, depth, masks): n rows of S for the kernels, and the distance of two.

Each row takes as many of the masks as its numbers or pairs need. `rounded` is overwritten with the
pairs.
"""


def rounded_size(rows: int, width: int) -> int:
    """Numbers that `rounded` takes: initial sums, and pairs of so many rows, in whole tiles."""
    pairs = -(-width // 2 // LANES) * LANES
    return -(-width // LANES) * LANES + (rows + 2 * LANES) * (pairs + LANES)


@compiled()
def _as_it_is(panel, initial, width, rounded):
    return initial


@compiled()
def _without_subnormal(panel, initial, width, rounded):
    settled = rounded[:width].view(np.float32)
    for j in range(width):
        settled[j] = np.float32(0) if abs(initial[j]) < _TINY else initial[j]  # NaN stays
    return settled


settle = by_format(_as_it_is, _without_subnormal)
"""(panel, initial, width, rounded): what sums begin with. Where a pair is multiplied, a sum that is
subnormal becomes 0; then no bit depends on how many pairs are passed over.
"""


numbers_in_lane = by_format(uncached(lambda panel: 1), uncached(lambda panel: 2))
"""(panel): numbers that a lane of it holds."""
