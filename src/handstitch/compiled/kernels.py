"""Matrix products that skip the zeros of one factor, for compiled code.

Half of the pixels of Fashion-MNIST are 0, and ReLU silences half of the units.
C ← α S B + β C is computed row by row: for every number s of a row of S that is not 0, s · (a row
of B) is added to as many columns of C as fit into the processor's registers. S is read where it
lies in memory, with a mask of 64 bits for each 64 numbers that says which of them are not 0; the
columns of B are first packed side by side into a panel (`pack`).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from handstitch.compiled.jit import FEATURES, compiled
from handstitch.compiled.simd import (
    LANES,
    element,
    exchange,
    fma,
    load,
    load_block,
    lowest_bit,
    nonzero_bits,
    outlined,
    scale,
    store,
    store_block,
)

PANEL_VECTORS: Final = (8, 4, 2, 1) if "+avx512f" in FEATURES.split(",") else (6, 4, 2, 1)
"""Vectors that a row of a panel may have: as many sums are kept in registers at once."""
PANEL_WIDTH: Final = PANEL_VECTORS[0] * LANES
"""Columns of the widest panel."""
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

    ld is the distance of two rows of B.
    """
    outlined()
    pitch = (width + LANES - 1) // LANES * LANES
    if width < LANES:
        for i in range(rows):
            store(panel, i * LANES, load(B, i * ld, 1, width), LANES)
    else:
        for i in range(rows):
            for j in range(0, pitch, LANES):
                store(panel, i * pitch + j, load(B, i * ld + j, 1, LANES), LANES)


@compiled()
def pack_transposed(B, ld, rows, width, panel):
    """As `pack`, of the transpose of B, which has `width` rows at a distance of ld."""
    outlined()
    pitch = (width + LANES - 1) // LANES * LANES
    for j in range(0, width, LANES):
        for i in range(0, rows, LANES):
            if j + LANES <= width and i + LANES <= rows:  # no masks
                block = load_block(B, j * ld + i, ld, LANES, LANES)
            else:
                block = load_block(B, j * ld + i, ld, width - j, rows - i)
            block = exchange(exchange(exchange(exchange(block, 8), 4), 2), 1)
            store_block(panel, i * pitch + j, block, pitch, LANES, LANES)


def _masked_gemm(vectors: int) -> Any:
    """`masked_gemm_panel`, for panels with so many vectors in a row."""
    pitch = vectors * LANES

    @compiled()
    def masked_gemm(
        rows, width, masks, mask_step, S, row_step, step, panel, first, first_step,
        alpha, beta, C, ld,
    ):  # fmt: skip
        width = width if vectors == 1 else pitch  # only a panel of one vector is ever narrower
        for r in range(rows):
            sums = load(first, r * first_step, vectors, width)
            mask = element(masks, r * mask_step)
            while mask:
                k = lowest_bit(mask)
                row = load(panel, k * pitch, vectors, pitch)
                sums = fma(element(S, r * row_step + k * step), row, sums)
                mask &= mask - np.uint64(1)
            sums = scale(alpha, sums)
            if beta != 0:
                sums = fma(beta, load(C, r * ld, vectors, width), sums)
            store(C, r * ld, sums, width)

    return masked_gemm


_gemm8, _gemm4, _gemm2, _gemm1 = map(_masked_gemm, PANEL_VECTORS)


@compiled()
def masked_gemm_panel(
    rows, width, masks, mask_step, S, row_step, step, panel, first, first_step, alpha, beta, C, ld
):  # fmt: skip
    """C ← α (first + S panel) + β C, `rows` rows of `width` columns; with β = 0 C is not read.

    Row r has its mask at masks[r · mask_step], its numbers at S[r · row_step + k · step], its
    first sums at first[r · first_step] and its result at C[r · ld].
    """
    outlined()
    operands = masks, mask_step, S, row_step, step, panel, first, first_step, alpha, beta, C, ld
    if width > 4 * LANES:
        _gemm8(rows, width, *operands)
    elif width > 2 * LANES:
        _gemm4(rows, width, *operands)
    elif width > LANES:
        _gemm2(rows, width, *operands)
    else:
        _gemm1(rows, width, *operands)
