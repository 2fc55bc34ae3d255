"""Products of a matrix and a panel that skip the zeros of the matrix, for compiled code.

Half of the pixels of Fashion-MNIST are 0, and ReLU silences half of the units.
C ← α S B + β C is computed row by row: for every number s of a row of S that is not 0, s · (a row
of B) is added to as many columns of C as fit into the processor's registers. S is read where it
lies in memory, with a mask of 64 bits for each 64 numbers that says which of them are not 0; the
columns of B are first packed side by side into a panel (`panels`). With pairs of bfloat16 in both,
a pair takes the place of a number, and two rows of B that of one.

Where few numbers are 0, four rows at once, which leave out what is 0 in all of them, read B less
often. Every sum takes its terms in the same order with the same fused multiply-adds, and a term
0 · b changes none but −0, and that becomes 0 in the end: how many rows were taken at once changes
no bit. A panel with an infinity or NaN, for which 0 · b is NaN, is multiplied row by row.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from handstitch.compiled.bfloat16 import by_format
from handstitch.compiled.bits import count_bits, lowest_bit
from handstitch.compiled.jit import FEATURES, compiled
from handstitch.compiled.simd import (
    LANES,
    element,
    fill,
    fma,
    fma_rows,
    load,
    load_rows,
    outlined,
    store_rows,
)
from handstitch.compiled.tiles import multiply_panel

_HAS_AVX512: Final = "+avx512f" in FEATURES.split(",")


class _Tiling(NamedTuple):
    """How a panel whose rows have so many vectors is multiplied.

    rows, part    rows of S that are multiplied at once where few of their numbers are 0, and
                  vectors of a row of the panel that then meet all of them
    worth         how many numbers that are not 0 a column of these rows must have for that, on
                  average. Wide panels keep the processor busy with one row, too. Measured:
                  docs/decisions.md
    """

    vectors: int
    rows: int
    part: int
    worth: float


_OF_NUMBERS: Final = (
    _Tiling(8, 4, 2, 3.4), _Tiling(4, 4, 2, 3.4), _Tiling(2, 4, 2, 1.0), _Tiling(1, 4, 1, 1.0)
) if _HAS_AVX512 else (
    _Tiling(6, 4, 1, 3.8), _Tiling(4, 4, 1, 3.4), _Tiling(2, 4, 1, 2.6), _Tiling(1, 4, 1, 1.0)
)  # fmt: skip
# A sum of pairs is there after 6 cycles, one of numbers after 4: 16 at a time have to be under way.
_OF_PAIRS: Final = (
    _Tiling(8, 2, 8, 1.35), _Tiling(4, 4, 4, 2.7), _Tiling(2, 4, 2, 1.0), _Tiling(1, 4, 1, 1.0)
)  # fmt: skip
PANEL_VECTORS: Final = tuple(tiling.vectors for tiling in _OF_NUMBERS)
"""Vectors that a row of a panel may have: as many sums are kept in registers at once."""
PANEL_WIDTH: Final = PANEL_VECTORS[0] * LANES
"""Columns of the widest panel."""
MASK_BITS: Final = 64
"""Rows of a packed panel: as many as a mask has bits."""


def _rows(vectors: int, rows: int, part: int) -> Any:
    """So many rows of `masked_gemm_panel` at once, `part` of its vectors at a time.

    One mask holds for all: a number that is 0 where it is set adds ± 0.
    """
    pitch, step_of_columns, tile = vectors * LANES, part * LANES, rows * part

    @compiled()
    def multiply(
        r, width, mask, S, row_step, step, panel, first, first_step, alpha, beta, C, ld
    ):  # fmt: skip
        if vectors > 1:  # only a panel of one vector is ever narrower
            width = pitch
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


def _masked_gemm(tiling: _Tiling) -> Any:
    """`masked_gemm_panel` by one way of multiplying."""
    vectors, rows_at_once, part, worth = tiling
    alone, together = _rows(vectors, 1, vectors), _rows(vectors, rows_at_once, part)

    @compiled()
    def masked_gemm(
        rows, width, masks, mask_step, is_finite, S, row_step, step, panel, first, first_step,
        alpha, beta, C, ld,
    ):  # fmt: skip
        operands = S, row_step, step, panel, first, first_step, alpha, beta, C, ld
        for r in range(0, rows, rows_at_once):
            end = min(r + rows_at_once, rows)
            if is_finite and end - r == rows_at_once:
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


def _by_width(tilings: tuple[_Tiling, ...]) -> Any:
    """`masked_gemm_panel`, with a way of multiplying for each width."""
    gemm8, gemm4, gemm2, gemm1 = map(_masked_gemm, tilings)

    @compiled()
    def masked_gemm(
        panel, rows, width, masks, mask_step, is_finite, S, row_step, step, first, first_step,
        alpha, beta, C, ld,
    ):  # fmt: skip
        outlined()
        operands = (
            masks, mask_step, is_finite, S, row_step, step, panel, first, first_step, alpha, beta,
            C, ld,
        )  # fmt: skip
        if width > 4 * LANES:
            gemm8(rows, width, *operands)
        elif width > 2 * LANES:
            gemm4(rows, width, *operands)
        elif width > LANES:
            gemm2(rows, width, *operands)
        else:
            gemm1(rows, width, *operands)

    return masked_gemm


masked_gemm_panel = by_format(_by_width(_OF_NUMBERS), _by_width(_OF_PAIRS), multiply_panel)
"""(panel, rows, width, masks, mask_step, is_finite, S, row_step, step, first, first_step, alpha,
beta, C, ld): C ← α (first + S panel) + β C, `rows` rows of `width` columns; with β = 0 C is not
read. `is_finite` says whether all of the panel's numbers are.

Row r has its mask at masks[r · mask_step], its numbers at S[r · row_step + k · step], its first
sums at first[r · first_step] and its result at C[r · ld].
"""
