"""The first layer of a network with local receptive fields: products that cost what windows hold.

The images of a batch lie side by side, pixel by pixel, in tiles of as many images as a unit's sums
in registers are for. Z of a unit in a tile is Σ w · (a pixel's images) over its own window; the
gradient of one of its weights is the dot product of dZ and a pixel's images. A window in a tile has
to fit into the fastest cache, so that pixels are halved to bfloat16, which holds 0 to 255 exactly;
their scale is a factor of the weights.

θ is `compact` here: weights outside of the windows are left out, and what is left of the first
layer lies unit by unit.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from handstitch.compiled.bfloat16 import narrow
from handstitch.compiled.jit import compiled
from handstitch.compiled.simd import (
    LANES,
    load_block,
    outlined,
    store_block,
    transpose,
)
from handstitch.compiled.window_tiles import (
    SHARING,
    TILES,
    backward_long,
    backward_middle,
    backward_short,
    forward_long,
    forward_middle,
    forward_short,
)
from handstitch.receptive_fields import ReceptiveFields

_PAIR: Final = 2 * LANES
"""Images in a vector of two bfloat16 a lane."""
GROUP: Final = 4 * LANES
"""Units whose Z are turned at a time: whole cache lines side by side take less time."""


def tiles_size(images: int, inputs: int) -> int:
    """Numbers that the tiles of a batch of images take."""
    return -(-images // _PAIR) * LANES * -(-inputs // LANES) * LANES


def turned_size(images: int) -> int:
    """Numbers that Z of a group of units takes, turned."""
    return GROUP * -(-images // _PAIR) * _PAIR


def windows_of(
    fields: ReceptiveFields | None,
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_]]:
    """`window_pixels`, `window_starts` and `window_shared` of a layout, as without any window."""
    if not fields:
        return np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.bool_)
    counts, units = np.count_nonzero(fields.mask, axis=0), len(fields.rectangles)
    fours = fields.rectangles[: units // SHARING * SHARING].reshape(-1, SHARING, 4)
    shared = (fours == fours[:, :1]).all(axis=(1, 2)) & (TILES[0] == 8)
    pixels = np.nonzero(fields.mask.T)[1].astype(np.int32)
    return pixels, np.cumsum([0, *counts]), np.append(shared, False)


@compiled()
def image_range(n, thread, threads):
    """(first, end) of one thread's part of n images, in whole pairs of vectors."""
    pairs = (n + _PAIR - 1) // _PAIR
    return pairs * thread // threads * _PAIR, min(pairs * (thread + 1) // threads * _PAIR, n)


@compiled()
def _tile_vectors(left):
    """Vectors of the next tile, of `left` images that remain."""
    pairs = (left + _PAIR - 1) // _PAIR
    for vectors in TILES:
        if 2 * pairs >= vectors:
            return vectors
    return 2


@compiled()
def turn(n, inputs, X, tiles, lo, hi):
    """tiles ← pixels of images lo to hi of X (n, inputs), of which lo begins a pair of vectors."""
    outlined()
    height, first = (inputs + LANES - 1) // LANES * LANES, 0
    while first < hi:
        images = _tile_vectors(n - first) * LANES
        pitch = images // 2
        for i in range(max(first, lo), min(first + images, hi), _PAIR):
            for p in range(0, inputs, LANES):
                at = i * inputs + p
                behind = at + LANES * inputs
                if i + _PAIR <= n and p + LANES <= inputs:  # no masks
                    low = load_block(X, at, inputs, LANES, LANES)
                    high = load_block(X, behind, inputs, LANES, LANES)
                else:
                    low = load_block(X, at, inputs, n - i, inputs - p)
                    high = load_block(X, behind, inputs, n - i - LANES, inputs - p)
                low = transpose(low)
                high = transpose(high)
                to = (first // 2) * height + p * pitch + (i - first) // 2
                store_block(tiles, to, narrow(low, high), pitch, LANES, LANES)
        first += images


@compiled()
def forward(n, inputs, units, factor, shift, layout, tiles, W, b, Z, lo, hi, turned):
    """Z (n, units) ← (factor · pixels + shift) W + b, of units lo to hi.

    turned (GROUP · images,) is overwritten.
    """
    outlined()
    height, ld = (inputs + LANES - 1) // LANES * LANES, (n + _PAIR - 1) // _PAIR * _PAIR
    for group in range(lo, hi, GROUP):
        width, i = min(GROUP, hi - group), 0
        while i < n:
            vectors = _tile_vectors(n - i)
            operands = (
                width, layout.window_starts[group:], layout.window_shared[group // SHARING :],
                layout.window_pixels, tiles[i // 2 * height :],
                factor, shift, W, b[group:], turned[i:], ld,
            )  # fmt: skip
            if vectors == TILES[0]:
                forward_long(*operands)
            elif vectors == TILES[1]:
                forward_middle(*operands)
            else:
                forward_short(*operands)
            i += vectors * LANES
        for i in range(0, n, LANES):
            for lane in range(0, width, LANES):
                rows = load_block(turned, lane * ld + i, ld, LANES, LANES)
                rows = transpose(rows)
                store_block(Z, i * units + group + lane, rows, units, n - i, width - lane)


@compiled()
def backward(
    n, inputs, units, factor, initial, layout, tiles, dZ, beta, G, lo, hi, turned
):  # fmt: skip
    """G ← factor · pixelsᵀ dZ + initial + β G within the windows of units lo to hi.

    dZ is (n, units), `initial` has a number for each of these units.
    """
    outlined()
    height, ld = (inputs + LANES - 1) // LANES * LANES, (n + _PAIR - 1) // _PAIR * _PAIR
    zeros, sums = np.zeros(GROUP, np.float32), np.empty(2 * LANES * LANES, np.float32)
    for group in range(lo, hi, GROUP):
        width = min(GROUP, hi - group)
        for i in range(0, ld, LANES):
            for lane in range(0, width, LANES):
                rows = load_block(dZ, i * units + group + lane, units, n - i, width - lane)
                rows = transpose(rows)
                store_block(turned, lane * ld + i, rows, ld, LANES, LANES)
        i, before, kept = 0, initial[group - lo :], beta
        while i < n:
            vectors = _tile_vectors(n - i)
            operands = (
                width, layout.window_starts[group:], layout.window_shared[group // SHARING :],
                layout.window_pixels, tiles[i // 2 * height :],
                turned[i:], ld, factor, before, kept, sums, G,
            )  # fmt: skip
            if vectors == TILES[0]:
                backward_long(*operands)
            elif vectors == TILES[1]:
                backward_middle(*operands)
            else:
                backward_short(*operands)
            i, before, kept = i + vectors * LANES, zeros, np.float32(1)


@compiled()
def forward_one(layout, x, W, b, y, lo, hi):
    """y ← x W + b of one image x (inputs,), of units lo to hi."""
    for unit in range(lo, hi):
        begin, end = layout.window_starts[unit], layout.window_starts[unit + 1]
        half = (end - begin) // 2
        even, odd = b[unit], np.float32(0)  # two sums, neither of which waits for the other
        for j in range(begin, begin + half):
            even += W[j] * x[layout.window_pixels[j]]
            odd += W[j + half] * x[layout.window_pixels[j + half]]
        if (end - begin) % 2:
            odd += W[end - 1] * x[layout.window_pixels[end - 1]]
        y[unit] = even + odd
