"""The products of a step and of a forward pass, made of the parts in `sparse`."""

from __future__ import annotations

import numpy as np

from handstitch.compiled.jit import FUSED, compiled
from handstitch.compiled.simd import BLOCK, LANES, VECTORS, accumulate, nonzeros, pack, turn


@compiled()
def share(size, part, parts):
    """First and last number of a part, in whole cache lines."""
    lines = (size + 15) // 16
    return min(lines * part // parts * 16, size), min(lines * (part + 1) // parts * 16, size)


@compiled()
def _panel(left):
    """Columns of the next panel, where so many are left."""
    for vectors in VECTORS:
        if left >= vectors * LANES:
            return vectors * LANES
    return left


@compiled()
def product(n, depth, S, ld, B, turned, ld_B, width, start, C, ld_C, masks, panel):
    """C ← start + S B: n rows of S with `depth` numbers, `width` columns of B, start in every row.

    S, B and C begin with their first number, ld is the distance of two rows. Where B is `turned`,
    its columns lie where rows do otherwise.
    """
    words = (depth + BLOCK - 1) // BLOCK
    for i in range(n):
        for word in range(words):
            k = word * BLOCK
            masks[i * words + word] = nonzeros(S[i * ld + k :], min(BLOCK, depth - k))
    one, zero = np.float32(1), np.float32(0)
    j = 0
    while j < width:
        wide = _panel(width - j)
        begin, ld_begin = start[j:], 0
        for word in range(words):
            k = word * BLOCK
            deep, numbers, mask = min(BLOCK, depth - k), S[k:], masks[word:]
            if turned:
                _pack_turned(B[j * ld_B + k :], ld_B, deep, wide, panel)
            else:
                pack(B[k * ld_B + j :], ld_B, deep, wide, panel)
            into = C[j:]
            accumulate(
                n, wide, mask, words, numbers, ld, 1, panel, begin, ld_begin, one, zero, into, ld_C
            )
            begin, ld_begin = into, ld_C
        j += wide


@compiled()
def _pack_turned(B, ld, rows, width, panel):
    """As `pack`, of the transpose of B, which has `width` rows at a distance of ld."""
    pitch = (width + LANES - 1) // LANES * LANES
    for j in range(0, width, LANES):
        for i in range(0, rows, LANES):
            if j + LANES <= width and i + LANES <= rows:
                turn(B[j * ld + i :], ld, panel[i * pitch + j :], pitch)
            else:
                for column in range(j, min(j + LANES, width)):
                    for row in range(i, min(i + LANES, rows)):
                        panel[row * pitch + column] = B[column * ld + row]


@compiled()
def gradient(n, count, S, ld, B, ld_B, width, start, into, G, ld_G, work, part):
    """G ← α (start + Sᵀ B) + β G: n rows of S with `count` numbers, and of B with `width`."""
    masks, panel = work.masks[part], work.panels[part]
    alpha, beta = np.float32(into.alpha), np.float32(into.beta)
    for first in range(0, n, BLOCK):
        deep, numbers = min(BLOCK, n - first), S[first * ld :]
        masks[:count] = 0
        for i in range(deep):
            row, bit = numbers[i * ld : i * ld + count], np.uint64(i)
            for k in range(count):
                masks[k] |= np.uint64(row[k] != 0) << bit
        j = 0
        while j < width:
            wide, to = _panel(width - j), G[j:]
            pack(B[first * ld_B + j :], ld_B, deep, wide, panel)
            begin = start[j:]
            accumulate(
                count, wide, masks, 1, numbers, 1, ld, panel, begin, 0, alpha, beta, to, ld_G
            )
            j += wide
        start, beta = work.zeros, np.float32(1)


@compiled(fastmath=FUSED)
def row(x, W, ld, lo, hi, start, y, places):
    """Columns lo to hi of y ← start + x W, of one row x: eight rows of W at a time, so that y is
    passed over seldom. `places` is filled with where x is not 0.
    """
    count, n, y = 0, hi - lo, y[lo:hi]
    for k in range(x.size):
        places[count] = k
        count += x[k] != 0
    for j in range(n):
        y[j] = start[lo + j]
    whole = count // 8 * 8
    for at in range(0, whole, 8):
        k0, k1, k2, k3 = places[at], places[at + 1], places[at + 2], places[at + 3]
        k4, k5, k6, k7 = places[at + 4], places[at + 5], places[at + 6], places[at + 7]
        x0, x1, x2, x3, x4, x5, x6, x7 = x[k0], x[k1], x[k2], x[k3], x[k4], x[k5], x[k6], x[k7]
        W0, W1 = W[k0 * ld + lo : k0 * ld + hi], W[k1 * ld + lo : k1 * ld + hi]
        W2, W3 = W[k2 * ld + lo : k2 * ld + hi], W[k3 * ld + lo : k3 * ld + hi]
        W4, W5 = W[k4 * ld + lo : k4 * ld + hi], W[k5 * ld + lo : k5 * ld + hi]
        W6, W7 = W[k6 * ld + lo : k6 * ld + hi], W[k7 * ld + lo : k7 * ld + hi]
        for j in range(n):
            four = y[j] + x0 * W0[j] + x1 * W1[j] + x2 * W2[j] + x3 * W3[j]
            y[j] = four + x4 * W4[j] + x5 * W5[j] + x6 * W6[j] + x7 * W7[j]
    for at in range(whole, count):
        k = places[at]
        for j in range(n):
            y[j] += x[k] * W[k * ld + lo + j]
