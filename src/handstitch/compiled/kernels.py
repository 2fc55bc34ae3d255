"""Matrix products that skip the zeros of one factor, for compiled code.

Half of the pixels of Fashion-MNIST are 0, and ReLU silences half of the units.
C ← α S B + β C is computed row by row: for every number s of a row of S that is not 0, s · (a row
of B) is added to as many columns of C as fit into the processor's registers. S is read where it
lies in memory, with a mask of 64 bits for each 64 numbers that says which of them are not 0; the
columns of B are first packed side by side into a panel (`pack`).

Where few numbers are 0, four rows at once, which leave out what is 0 in all of them, read B less
often. Every sum takes its terms in the same order with the same fused multiply-adds, and a term
0 · b changes none but −0, and that becomes 0 in the end: how many rows were taken at once changes
no bit. A panel with an infinity or NaN, for which 0 · b is NaN, is multiplied row by row.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from handstitch.compiled.jit import FEATURES, compiled
from handstitch.compiled.simd import (
    LANES,
    count_bits,
    element,
    exchange,
    fill,
    fma,
    fma_rows,
    load,
    load_block,
    load_rows,
    lowest_bit,
    nonzero_bits,
    outlined,
    products,
    store,
    store_block,
    store_rows,
)

_HAS_AVX512: Final = "+avx512f" in FEATURES.split(",")
PANEL_VECTORS: Final = (8, 4, 2, 1) if _HAS_AVX512 else (6, 4, 2, 1)
"""Vectors that a row of a panel may have: as many sums are kept in registers at once."""
PANEL_WIDTH: Final = PANEL_VECTORS[0] * LANES
"""Columns of the widest panel."""
TILE_ROWS: Final = 4
"""Rows of S that are multiplied at once where few of their numbers are 0."""
_TILE: Final = 2 if _HAS_AVX512 else 1
"""Vectors of a row of the panel that then meet all of them."""
_WORTH: Final = (3.4, 3.4, 1.0, 1.0) if _HAS_AVX512 else (3.8, 3.4, 2.6, 1.0)
"""How many numbers that are not 0 a column of these rows must have, on average, for each width of
a panel. Wide panels keep the processor busy with one row, too. Measured: docs/decisions.md."""
MASK_BITS: Final = 64
"""Rows of B in a packed panel: as many as a mask has bits."""
_MASK_VECTORS: Final = MASK_BITS // LANES


@compiled()
def nonzero_mask(numbers, count):
    """Σ 2ⁱ over the numbers i < `count` ≤ 64 that are not 0.

    All 64 must be readable, whatever `count`.
    """
    kept = np.uint64(2**64 - 1) >> np.uint64(MASK_BITS - count)
    return nonzero_bits(load(numbers, 0, _MASK_VECTORS, MASK_BITS)) & kept


@compiled()
def pack(B, ld, rows, width, panel):
    """panel ← the first `width` columns of `rows` rows of B, padded with 0 to whole vectors.

    ld is the distance of two rows of B. Gives whether all of these numbers are finite.
    """
    outlined()
    pitch = (width + LANES - 1) // LANES * LANES
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
def pack_transposed(B, ld, rows, width, panel):
    """As `pack`, of the transpose of B, which has `width` rows at a distance of ld."""
    outlined()
    pitch = (width + LANES - 1) // LANES * LANES
    zeros, infinite = fill(np.float32(0), LANES), np.uint64(0)
    for j in range(0, width, LANES):
        for i in range(0, rows, LANES):
            if j + LANES <= width and i + LANES <= rows:  # no masks
                block = load_block(B, j * ld + i, ld, LANES, LANES)
            else:
                block = load_block(B, j * ld + i, ld, width - j, rows - i)
            infinite |= nonzero_bits(products(block, zeros))
            block = exchange(exchange(exchange(exchange(block, 8), 4), 2), 1)
            store_block(panel, i * pitch + j, block, pitch, LANES, LANES)
    return infinite == 0


def _rows(vectors: int, rows: int, part: int) -> Any:
    """So many rows of `masked_gemm_panel` at once, `part` of its vectors at a time.

    One mask holds for all: a number that is 0 where it is set adds ± 0.
    """
    pitch, step_of_columns, tile = vectors * LANES, part * LANES, rows * part

    @compiled()
    def multiply(
        r, width, mask, S, row_step, step, panel, first, first_step, alpha, beta, C, ld
    ):  # fmt: skip
        for j in range(0, pitch, step_of_columns):
            left, to = mask, r * ld + j
            sums = load_rows(first, r * first_step + j, first_step, rows, part, width)
            while left:
                k = lowest_bit(left)
                row = load(panel, k * pitch + j, part, pitch)
                sums = fma_rows(S, r * row_step + k * step, row_step, row, sums)
                left &= left - np.uint64(1)
            # + 0 makes 0 of −0, which is what is left of zeros, added or not, and depends on that.
            sums = fma(alpha, sums, fill(np.float32(0), tile))
            if beta != 0:
                sums = fma(beta, load_rows(C, to, ld, rows, part, width), sums)
            store_rows(C, to, ld, rows, sums, width)

    return multiply


def _masked_gemm(vectors: int, worth: float) -> Any:
    """`masked_gemm_panel`, for panels with so many vectors in a row."""
    pitch = vectors * LANES
    alone, together = _rows(vectors, 1, vectors), _rows(vectors, TILE_ROWS, min(vectors, _TILE))

    @compiled()
    def masked_gemm(
        rows, width, masks, mask_step, is_finite, S, row_step, step, panel, first, first_step,
        alpha, beta, C, ld,
    ):  # fmt: skip
        width = width if vectors == 1 else pitch  # only a panel of one vector is ever narrower
        operands = S, row_step, step, panel, first, first_step, alpha, beta, C, ld
        for r in range(0, rows, TILE_ROWS):
            end = min(r + TILE_ROWS, rows)
            if is_finite and end - r == TILE_ROWS:
                union, count = np.uint64(0), 0
                for i in range(r, end):
                    mask = element(masks, i * mask_step)
                    union |= mask
                    count += count_bits(mask)
                if worth * count_bits(union) <= count:
                    together(r, width, union, *operands)
                    continue
            for i in range(r, end):
                alone(i, width, element(masks, i * mask_step), *operands)

    return masked_gemm


_gemm8, _gemm4, _gemm2, _gemm1 = map(_masked_gemm, PANEL_VECTORS, _WORTH)


@compiled()
def masked_gemm_panel(
    rows, width, masks, mask_step, is_finite, S, row_step, step, panel, first, first_step,
    alpha, beta, C, ld,
):  # fmt: skip
    """C ← α (first + S panel) + β C, `rows` rows of `width` columns; with β = 0 C is not read.

    `is_finite` says whether all of the panel's numbers are.
    Row r has its mask at masks[r · mask_step], its numbers at S[r · row_step + k · step], its
    first sums at first[r · first_step] and its result at C[r · ld].
    """
    outlined()
    operands = (
        masks, mask_step, is_finite, S, row_step, step, panel, first, first_step, alpha, beta, C, ld
    )  # fmt: skip
    if width > 4 * LANES:
        _gemm8(rows, width, *operands)
    elif width > 2 * LANES:
        _gemm4(rows, width, *operands)
    elif width > LANES:
        _gemm2(rows, width, *operands)
    else:
        _gemm1(rows, width, *operands)
