"""Matrix products that skip zeros, built of the kernels, and how threads share one."""

from __future__ import annotations

import numpy as np

from handstitch.compiled.jit import FUSED, compiled
from handstitch.compiled.kernels import (
    MASK_BITS,
    PANEL_VECTORS,
    masked_gemm_panel,
    nonzero_mask,
    pack,
    pack_transposed,
)
from handstitch.compiled.simd import LANES

# int64 and no literals, for each of which numba would compile a kernel anew.
_ZERO, _ONE = np.int64(0), np.int64(1)


@compiled()
def thread_range(size, thread, threads):
    """(first, end) of one thread's part of `size` numbers, in whole cache lines."""
    lines = (size + 15) // 16
    return min(lines * thread // threads * 16, size), min(
        lines * (thread + 1) // threads * 16, size
    )


@compiled()
def _panel_width(left):
    """Columns of the next panel, of `left` columns that remain."""
    for vectors in PANEL_VECTORS:
        if left >= vectors * LANES:
            return vectors * LANES
    return left


@compiled()
def matmul_sparse(
    n, depth, S, ld, B, transposed, ld_B, width, initial, C, ld_C, nonzero_masks, panel
):
    """C ← initial + S B: n rows of S with `depth` numbers, `width` columns of B.

    S, B and C begin with their first number; ld is the distance of two rows. `initial` (width,)
    is added to every row. Where B is `transposed`, its memory holds Bᵀ.
    """
    words = (depth + MASK_BITS - 1) // MASK_BITS
    for i in range(n):
        for word in range(words):
            k = word * MASK_BITS
            nonzero_masks[i * words + word] = nonzero_mask(
                S[i * ld + k :], min(MASK_BITS, depth - k)
            )
    j = 0
    while j < width:
        columns = _panel_width(width - j)
        sums, ld_sums = initial[j:], _ZERO
        for word in range(words):
            k = word * MASK_BITS
            rows, numbers, masks = min(MASK_BITS, depth - k), S[k:], nonzero_masks[word:]
            if transposed:
                pack_transposed(B[j * ld_B + k :], ld_B, rows, columns, panel)
            else:
                pack(B[k * ld_B + j :], ld_B, rows, columns, panel)
            to = C[j:]
            masked_gemm_panel(
                n, columns, masks, words, numbers, ld, _ONE, panel, sums, ld_sums,
                np.float32(1), np.float32(0), to, ld_C,
            )  # fmt: skip
            sums, ld_sums = to, ld_C
        j += columns


@compiled()
def matmul_sparse_transposed(n, count, S, ld, B, ld_B, width, initial, into, G, ld_G, work, thread):
    """G ← α (initial + Sᵀ B) + β G: n rows of S with `count` numbers, and of B with `width`."""
    masks, panel = work.nonzero_masks[thread], work.panels[thread]
    alpha, beta = np.float32(into.alpha), np.float32(into.beta)
    for first in range(0, n, MASK_BITS):
        rows, numbers = min(MASK_BITS, n - first), S[first * ld :]
        masks[:count] = 0
        for i in range(rows):
            row, bit = numbers[i * ld : i * ld + count], np.uint64(i)
            for k in range(count):
                masks[k] |= np.uint64(row[k] != 0) << bit
        j = 0
        while j < width:
            columns = _panel_width(width - j)
            pack(B[first * ld_B + j :], ld_B, rows, columns, panel)
            masked_gemm_panel(
                count, columns, masks, _ONE, numbers, _ONE, ld, panel, initial[j:], _ZERO,
                alpha, beta, G[j:], ld_G,
            )  # fmt: skip
            j += columns
        initial, beta = work.zeros, np.float32(1)


@compiled(fastmath=FUSED)
def matvec_sparse(x, W, ld, lo, hi, initial, y, positions):
    """Columns lo to hi of y ← initial + x W, for one row x.

    Eight rows of W at a time, so that y is read and written seldom. `positions` is overwritten
    with those where x is not 0.
    """
    count, n, y = 0, hi - lo, y[lo:hi]
    for k in range(x.size):
        positions[count] = k
        count += x[k] != 0
    for j in range(n):
        y[j] = initial[lo + j]
    whole = count // 8 * 8
    for i in range(0, whole, 8):
        k0, k1, k2, k3 = positions[i], positions[i + 1], positions[i + 2], positions[i + 3]
        k4, k5, k6, k7 = positions[i + 4], positions[i + 5], positions[i + 6], positions[i + 7]
        x0, x1, x2, x3, x4, x5, x6, x7 = x[k0], x[k1], x[k2], x[k3], x[k4], x[k5], x[k6], x[k7]
        W0, W1 = W[k0 * ld + lo : k0 * ld + hi], W[k1 * ld + lo : k1 * ld + hi]
        W2, W3 = W[k2 * ld + lo : k2 * ld + hi], W[k3 * ld + lo : k3 * ld + hi]
        W4, W5 = W[k4 * ld + lo : k4 * ld + hi], W[k5 * ld + lo : k5 * ld + hi]
        W6, W7 = W[k6 * ld + lo : k6 * ld + hi], W[k7 * ld + lo : k7 * ld + hi]
        for j in range(n):
            four = y[j] + x0 * W0[j] + x1 * W1[j] + x2 * W2[j] + x3 * W3[j]
            y[j] = four + x4 * W4[j] + x5 * W5[j] + x6 * W6[j] + x7 * W7[j]
    for i in range(whole, count):
        k = positions[i]
        for j in range(n):
            y[j] += x[k] * W[k * ld + lo + j]
