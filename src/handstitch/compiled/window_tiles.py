"""A window in a tile of images: kernels of the first layer by windows."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from handstitch.compiled.bfloat16 import widen
from handstitch.compiled.jit import compiled
from handstitch.compiled.kernels import PANEL_VECTORS
from handstitch.compiled.simd import (
    LANES,
    element,
    fill,
    fma,
    fold,
    load,
    load_block,
    products,
    store,
)

TILES: Final = (8, 4, 2) if PANEL_VECTORS[0] == 8 else (4, 4, 2)
"""Vectors that the images of a tile may have."""
SHARING: Final = 4
"""Units with one window that go through it together, where there are registers for their sums."""


@compiled()
def _constant(b, shift, W, begin, end):
    """What is added to every Z of a unit: b + shift · Σ w."""
    whole = np.float32(0)
    if shift != 0:
        for j in range(begin, end):
            whole += element(W, j)
    return b + shift * whole


def _forward_tile(vectors: int) -> Any:
    """Z of `width` units in a tile of so many vectors: b + factor · Σ w · (a pixel's images)."""
    pairs = vectors // 2
    pitch = pairs * LANES
    half = max(1, pairs // 2)
    part = 2 * half

    @compiled()
    def forward_shared(lane, first, pixels, tile, factor, shift, W, b, turned, ld):
        begin, end = element(first, lane), element(first, lane + 1)
        count = end - begin
        for at in range(0, pitch, half * LANES):
            sums0 = sums1 = sums2 = sums3 = fill(np.float32(0), part)
            for j in range(begin, end):
                p = np.int64(element(pixels, j))
                images = widen(load(tile, p * pitch + at, half, pitch))
                sums0 = fma(element(W, j), images, sums0)
                sums1 = fma(element(W, j + count), images, sums1)
                sums2 = fma(element(W, j + 2 * count), images, sums2)
                sums3 = fma(element(W, j + 3 * count), images, sums3)
            for i, sums in enumerate((sums0, sums1, sums2, sums3)):
                unit, start = lane + i, begin + i * count
                constant = _constant(element(b, unit), shift, W, start, start + count)
                row = fma(factor, sums, fill(constant, part))
                store(turned, unit * ld + 2 * at, row, part * LANES)

    @compiled()
    def forward_tile(width, first, shared, pixels, tile, factor, shift, W, b, turned, ld):
        lane = 0
        while lane < width:
            if shared[lane // SHARING]:
                forward_shared(lane, first, pixels, tile, factor, shift, W, b, turned, ld)
                lane += SHARING
                continue
            begin, end = element(first, lane), element(first, lane + 1)
            sums = fill(np.float32(0), vectors)
            for j in range(begin, end):
                images = load(tile, np.int64(element(pixels, j)) * pitch, pairs, pitch)
                sums = fma(element(W, j), widen(images), sums)
            constant = _constant(element(b, lane), shift, W, begin, end)
            store(turned, lane * ld, fma(factor, sums, fill(constant, vectors)), vectors * LANES)
            lane += 1

    return forward_tile


@compiled()
def _store_gradient(sums, factor, initial, beta, G, begin, count):
    """G ← factor · Σ of each of 16 vectors of sums + initial + β G, of `count` ≤ 16 weights."""
    row = fold(fold(fold(fold(load_block(sums, 0, LANES, LANES, LANES)))))
    row = fma(factor, row, fill(initial, 1))
    if beta != 0:
        row = fma(beta, load(G, begin, 1, count), row)
    store(G, begin, row, count)


def _backward_tile(vectors: int) -> Any:
    """G ← factor · (dZ of a tile) · (a pixel's images) + initial + β G, of `width` units."""
    pairs = vectors // 2
    pitch = pairs * LANES
    row = vectors * LANES

    @compiled()
    def backward_shared(lane, first, pixels, tile, turned, ld, factor, initial, beta, sums, G):
        start, end = element(first, lane), element(first, lane + 1)
        for unit in range(lane, lane + SHARING, 2):
            dZ0 = load(turned, unit * ld, vectors, row)
            dZ1 = load(turned, unit * ld + ld, vectors, row)
            to = element(first, unit)
            for begin in range(0, end - start, LANES):
                count = min(LANES, end - start - begin)
                for i in range(count):
                    p = np.int64(element(pixels, start + begin + i))
                    images = widen(load(tile, p * pitch, pairs, pitch))
                    store(sums, i * LANES, products(dZ0, images), LANES)
                    store(sums, (LANES + i) * LANES, products(dZ1, images), LANES)
                _store_gradient(sums, factor, element(initial, unit), beta, G, to + begin, count)
                _store_gradient(
                    sums[LANES * LANES :], factor, element(initial, unit + 1), beta, G,
                    to + end - start + begin, count,
                )  # fmt: skip

    @compiled()
    def backward_tile(
        width, first, shared, pixels, tile, turned, ld, factor, initial, beta, sums, G
    ):  # fmt: skip
        lane = 0
        while lane < width:
            if shared[lane // SHARING]:
                backward_shared(
                    lane, first, pixels, tile, turned, ld, factor, initial, beta, sums, G
                )  # fmt: skip
                lane += SHARING
                continue
            dZ, end = load(turned, lane * ld, vectors, row), element(first, lane + 1)
            for begin in range(element(first, lane), end, LANES):
                count = min(LANES, end - begin)
                for i in range(count):
                    p = np.int64(element(pixels, begin + i))
                    images = widen(load(tile, p * pitch, pairs, pitch))
                    store(sums, i * LANES, products(dZ, images), LANES)
                _store_gradient(sums, factor, element(initial, lane), beta, G, begin, count)
            lane += 1

    return backward_tile


forward_long, forward_middle, forward_short = map(_forward_tile, TILES)
backward_long, backward_middle, backward_short = map(_backward_tile, TILES)
