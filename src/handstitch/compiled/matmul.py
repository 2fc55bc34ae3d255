"""Matrix products that skip zeros, built of the kernels, and how threads share one."""

from __future__ import annotations

from typing import Final

import numpy as np

from handstitch.compiled.jit import FUSED, compiled
from handstitch.compiled.kernels import (
    MASK_BITS,
    PANEL_VECTORS,
    PANEL_WIDTH,
    masked_gemm_panel,
)
from handstitch.compiled.optimizers import update_part
from handstitch.compiled.panels import (
    nonzeros,
    numbers_in_lane,
    pack,
    pack_transposed,
    settle,
    turn,
    whole_vectors,
)
from handstitch.compiled.simd import LANES

_BLOCKS: Final = 4
"""Blocks of 64 rows that are added to a part of a gradient while that is in the cache."""
_GROUP: Final = 256
"""Rows of that part."""
_STRIP: Final = 4 * PANEL_WIDTH
"""Columns of the panels that are kept for it."""
MASKS: Final = _BLOCKS * _GROUP
PANELS: Final = _BLOCKS * MASK_BITS * _STRIP
TURNED: Final = (_BLOCKS * _GROUP + 1) * MASK_BITS  # whole masks are read
"""Masks, numbers of panels, and turned numbers, that a thread takes to compute a gradient."""
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
    n, depth, S, ld, B, transposed, ld_B, width, initial, C, ld_C, nonzero_masks, panel, rounded
):
    """C ← initial + S B: n rows of S with `depth` numbers, `width` columns of B.

    S, B and C begin with their first number; ld is the distance of two rows. `initial` (width,)
    is added to every row. Where B is `transposed`, its memory holds Bᵀ. Where the panel is of
    uint32, the products are those of bfloat16 numbers, which `rounded` takes.
    """
    each = numbers_in_lane(panel)
    block = MASK_BITS * each
    words = (depth + block - 1) // block
    initial = settle(panel, initial, width, rounded)
    factors, ld_factors = nonzeros(panel, rounded[width:], S, ld, n, depth, nonzero_masks)
    j = 0
    while j < width:
        columns = _panel_width(width - j)
        sums, ld_sums = initial[j:], _ZERO
        for word in range(words):
            k = word * block
            rows, numbers, masks = min(block, depth - k), factors[k // each :], nonzero_masks[word:]
            if transposed:
                is_finite = pack_transposed(panel, B[j * ld_B + k :], ld_B, rows, columns)
            else:
                is_finite = pack(panel, B[k * ld_B + j :], ld_B, rows, columns)
            to = C[j:]
            masked_gemm_panel(
                panel, n, columns, masks, words, is_finite, numbers, ld_factors, _ONE, sums,
                ld_sums, np.float32(1), np.float32(0), to, ld_C,
            )  # fmt: skip
            sums, ld_sums = to, ld_C
        j += columns


@compiled()
def can_update(into, width):
    """Whether the target wants an update, and rows of G of this width lie in the cache together.

    Only whole ones are updated at once: in memory, pieces of them are too short to be read ahead.
    """
    return into.rule_id >= 0 and width <= _STRIP


@compiled()
def matmul_sparse_transposed(
    n, count, S, ld, B, ld_B, width, initial, into, begin, ld_G, updates, work, thread
):  # fmt: skip
    """G ← α (initial + Sᵀ B) + β G: n rows of S with `count` numbers, and of B with `width`.

    G begins at `begin` of the target. Where `can_update`, θ may be updated by some rows of G as
    soon as they are there. Each block of 64 rows of S is a product of its own, added to G.
    """
    beta, panels = np.float32(into.beta), work.panels[thread]
    ahead = _BLOCKS * MASK_BITS * numbers_in_lane(panels)
    initial = settle(panels, initial, width, work.rounded[thread])
    for first in range(0, n, ahead):
        for j in range(0, width, _STRIP):
            _add_blocks(
                min(ahead, n - first), count, S[first * ld :], ld, B[first * ld_B + j :], ld_B,
                min(_STRIP, width - j), initial[j:], beta, updates and n - first <= ahead, into,
                begin + j, ld_G,
                work.zeros, work.nonzero_masks[thread], panels, work.turned[thread],
            )  # fmt: skip
        initial, beta = work.zeros, np.float32(1)


@compiled()
def _add_blocks(
    n, count, S, ld, B, ld_B, width, initial, beta, updates, into, begin, ld_G,
    zeros, masks, panels, turned,
):  # fmt: skip
    """`matmul_sparse_transposed` of few blocks and columns.

    Some columns of S at a time are turned: in memory the numbers of one may lie a power of two
    apart, and push each other out of the cache. Their rows of G stay in it, while block after
    block is added.
    """
    is_finite, j, at, G, alpha = True, 0, 0, into.parameters, np.float32(into.alpha)
    each = numbers_in_lane(panels)
    block = MASK_BITS * each
    while j < width:
        columns = _panel_width(width - j)
        for first in range(0, n, block):
            rows = min(block, n - first)
            is_finite &= pack(panels[at:], B[first * ld_B + j :], ld_B, rows, columns)
            at += MASK_BITS * whole_vectors(columns)
        j += columns
    for k in range(0, count, _GROUP):
        height = min(_GROUP, count - k)
        for number, first in enumerate(range(0, n, block)):
            here, rows = turned[number * MASK_BITS * _GROUP :], min(block, n - first)
            turn(here, S[first * ld + k :], ld, height, rows, masks[number * _GROUP :])
        j, at = 0, 0
        while j < width:
            columns = _panel_width(width - j)
            sums, kept, to = initial[j:], beta, begin + k * ld_G + j
            for number, first in enumerate(range(0, n, block)):
                pitch = whole_vectors((min(block, n - first) + each - 1) // each)
                masked_gemm_panel(
                    panels[at:], height, columns, masks[number * _GROUP :], _ONE, is_finite,
                    turned[number * MASK_BITS * _GROUP :], pitch, _ONE, sums, _ZERO,
                    alpha, kept, G[to:], ld_G,
                )  # fmt: skip
                at += MASK_BITS * whole_vectors(columns)
                sums, kept = zeros, np.float32(1)
            j += columns
        if updates:
            to = begin + k * ld_G
            update_part(into, into.decays, to, G[to : to + height * ld_G])


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
