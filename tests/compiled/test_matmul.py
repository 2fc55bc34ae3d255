"""Products that pass over zeros, held to NumPy's in float64, and to what lies around them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from handstitch.arrays import zeros
from handstitch.compiled import matmul
from handstitch.compiled.layout import Buffers, Target
from handstitch.compiled.simd import BLOCK, LANES, WIDEST

SHAPES = [  # rows, depth, width
    (1, 1, 1),
    (3, 63, 15),
    (5, 64, 16),
    (64, 65, 17),
    (65, 130, 127),
    (130, 40, 128),
    (70, 129, 129),
    (9, 200, 300),
]
GUARD = np.float32(-77.5)


def rng() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(3))


def sparse(rows: int, columns: int, density: float) -> Any:
    numbers = rng().standard_normal((rows, columns)).astype(np.float32)
    return np.where(rng().random((rows, columns)) < density, numbers, np.float32(0))


def padded(A: Any, ld: int) -> Any:
    """The rows of A at a distance of ld, and beyond them a block that nobody may care for."""
    flat = np.full(len(A) * ld + BLOCK, GUARD)
    for i, row in enumerate(A):
        flat[i * ld : i * ld + A.shape[1]] = row
    return flat


def space(size: int) -> Buffers:
    """With what a step computes in. A type of the tests' own would come to stand among what numba
    keeps on disk, and nobody without the tests could read that."""
    empty = zeros(0)
    arrays: dict[str, Any] = dict.fromkeys(Buffers._fields, empty)
    return Buffers(**arrays)._replace(
        zeros=zeros(size),
        masks=np.full((1, size), 2**64 - 1, np.uint64),
        panels=np.full((1, BLOCK * WIDEST), np.nan, np.float32),
        losses=np.empty(0),
        hits=np.empty(0, np.int64),
    )


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("n", "depth", "width"), SHAPES)
def test_product(n: int, depth: int, width: int, density: float, turned: bool):
    S, B = sparse(n, depth, density), sparse(depth, width, 0.8)
    start = np.linspace(-1, 1, width, dtype=np.float32)
    ld, ld_B, ld_C = depth + 3, (depth if turned else width) + 5, width + 2
    flat_B = padded(np.ascontiguousarray(B.T) if turned else B, ld_B)
    C = padded(np.full((n, width), np.nan), ld_C)  # not read
    work = space(n * -(-depth // BLOCK))
    matmul.product(
        n, depth, padded(S, ld), ld, flat_B, turned, ld_B, width, start, C, ld_C,
        work.masks[0], work.panels[0],
    )  # fmt: skip
    found = C[: n * ld_C].reshape(n, ld_C)
    expected = start + S.astype(np.float64) @ B.astype(np.float64)
    np.testing.assert_allclose(found[:, :width], expected, atol=1e-4)
    assert (found[:, width:] == GUARD).all()
    assert (C[n * ld_C :] == GUARD).all()


@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.25, 1.0), (-0.1, 0.9)])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(shape: tuple[int, int, int], alpha: float, beta: float, density: float):
    n, count, width = shape
    S, B = sparse(n, count, density), sparse(n, width, 1.0)
    start = np.linspace(-1, 1, width, dtype=np.float32)
    ld, ld_B, ld_G = count + 3, width + 1, width + 4
    before = sparse(count, width, 1.0) if beta else np.full((count, width), np.nan, np.float32)
    G, work = padded(before, ld_G), space(max(count, width))
    into = Target(np.zeros(0, np.float32), alpha, beta, beta)
    matmul.gradient(
        n, count, padded(S, ld), ld, padded(B, ld_B), ld_B, width, start, into, G, ld_G, work, 0
    )
    expected = alpha * (start + S.T.astype(np.float64) @ B)
    if beta:
        expected = expected + beta * before
    found = G[: count * ld_G].reshape(count, ld_G)
    np.testing.assert_allclose(found[:, :width], expected, atol=1e-4)
    assert (found[:, width:] == GUARD).all()
    assert (G[count * ld_G :] == GUARD).all()


@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("lo", "hi"), [(0, 33), (16, 33), (0, 16), (16, 16)])
@pytest.mark.parametrize("depth", [1, 7, 8, 9, 100])
def test_row(depth: int, lo: int, hi: int, density: float):
    x, W = sparse(1, depth, density)[0], sparse(depth, 33, 1.0)
    start, y = np.linspace(-1, 1, 33, dtype=np.float32), np.full(33, GUARD)
    matmul.row(x, W.reshape(-1), 33, lo, hi, start, y, np.full(depth, -1))
    expected = start + x.astype(np.float64) @ W
    np.testing.assert_allclose(y[lo:hi], expected[lo:hi], atol=1e-5)
    assert (np.delete(y, np.s_[lo:hi]) == GUARD).all()


def test_what_is_not_a_number_is_no_zero():
    S = np.zeros((2, 70), np.float32)
    S[0, 69], S[1, 3] = np.nan, np.inf
    S[0, 0] = -0.0
    B, C, work = np.ones((70, LANES), np.float32), np.zeros(2 * LANES, np.float32), space(4)
    matmul.product(
        2, 70, padded(S, 70), 70, B.reshape(-1), False, LANES, LANES, zeros(LANES), C, LANES,
        work.masks[0], work.panels[0],
    )  # fmt: skip
    assert np.isnan(C[:LANES]).all()
    assert (C[LANES:] == np.inf).all()


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 15, 16, 17, 100, 512])
def test_shares_are_whole_cache_lines_and_leave_nothing_out(size: int, parts: int):
    ends = [matmul.share(size, part, parts) for part in range(parts)]
    assert ends[0][0] == 0
    assert ends[-1][1] == size
    for (_, end), (begin, _) in pairwise(ends):
        assert end == begin
        assert end % LANES == 0 or end == size
