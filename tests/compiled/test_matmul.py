"""Products that skip zeros, against NumPy's in float64; what lies around them is not touched."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from handstitch.arrays import aligned_zeros
from handstitch.compiled import matmul
from handstitch.compiled.kernels import MASK_BITS, PANEL_WIDTH
from handstitch.compiled.layout import Buffers
from handstitch.compiled.simd import LANES
from handstitch.core.network import Into

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


def make_sparse(rows: int, columns: int, density: float) -> Any:
    numbers = rng().standard_normal((rows, columns)).astype(np.float32)
    return np.where(rng().random((rows, columns)) < density, numbers, np.float32(0))


def pad(A: Any, ld: int) -> Any:
    """The rows of A at a distance of ld, with guards between and behind them."""
    flat = np.full(len(A) * ld + MASK_BITS, GUARD)
    for i, row in enumerate(A):
        flat[i * ld : i * ld + A.shape[1]] = row
    return flat


def make_buffers(size: int) -> Buffers:
    """Buffers of the step: a type of the tests' own would enter numba's cache on disk, which could
    then not be read without the tests."""
    empty = aligned_zeros(0)
    arrays: dict[str, Any] = dict.fromkeys(Buffers._fields, empty)
    return Buffers(**arrays)._replace(
        zeros=aligned_zeros(size),
        nonzero_masks=np.full((1, size), 2**64 - 1, np.uint64),
        panels=np.full((1, MASK_BITS * PANEL_WIDTH), np.nan, np.float32),
        turned=np.empty((1, 0), np.float32),
        losses=np.empty(0),
        is_correct=np.empty(0, np.int64),
    )


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("n", "depth", "width"), SHAPES)
def test_matmul_sparse(n: int, depth: int, width: int, density: float, transposed: bool):
    S, B = make_sparse(n, depth, density), make_sparse(depth, width, 0.8)
    initial = np.linspace(-1, 1, width, dtype=np.float32)
    ld, ld_B, ld_C = depth + 3, (depth if transposed else width) + 5, width + 2
    flat_B = pad(np.ascontiguousarray(B.T) if transposed else B, ld_B)
    C = pad(np.full((n, width), np.nan), ld_C)  # not read
    work = make_buffers(n * -(-depth // MASK_BITS))
    matmul.matmul_sparse(
        n, depth, pad(S, ld), ld, flat_B, transposed, ld_B, width, initial, C, ld_C,
        work.nonzero_masks[0], work.panels[0],
    )  # fmt: skip
    found = C[: n * ld_C].reshape(n, ld_C)
    expected = initial + S.astype(np.float64) @ B.astype(np.float64)
    np.testing.assert_allclose(found[:, :width], expected, atol=1e-4)
    assert (found[:, width:] == GUARD).all()
    assert (C[n * ld_C :] == GUARD).all()


@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.25, 1.0), (-0.1, 0.9)])
@pytest.mark.parametrize("shape", SHAPES)
def test_matmul_sparse_transposed(
    shape: tuple[int, int, int], alpha: float, beta: float, density: float
):
    n, count, width = shape
    S, B = make_sparse(n, count, density), make_sparse(n, width, 1.0)
    initial = np.linspace(-1, 1, width, dtype=np.float32)
    ld, ld_B, ld_G = count + 3, width + 1, width + 4
    before = make_sparse(count, width, 1.0) if beta else np.full((count, width), np.nan, np.float32)
    G, work = pad(before, ld_G), make_buffers(max(count, width))
    into = Into(np.zeros(0, np.float32), alpha, beta, beta)  # type: ignore[arg-type]
    matmul.matmul_sparse_transposed(
        n, count, pad(S, ld), ld, pad(B, ld_B), ld_B, width, initial, into, G, ld_G, work, 0
    )
    expected = alpha * (initial + S.T.astype(np.float64) @ B)
    if beta:
        expected = expected + beta * before
    found = G[: count * ld_G].reshape(count, ld_G)
    np.testing.assert_allclose(found[:, :width], expected, atol=1e-4)
    assert (found[:, width:] == GUARD).all()
    assert (G[count * ld_G :] == GUARD).all()


@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("lo", "hi"), [(0, 33), (16, 33), (0, 16), (16, 16)])
@pytest.mark.parametrize("depth", [1, 7, 8, 9, 100])
def test_matvec_sparse(depth: int, lo: int, hi: int, density: float):
    x, W = make_sparse(1, depth, density)[0], make_sparse(depth, 33, 1.0)
    initial, y = np.linspace(-1, 1, 33, dtype=np.float32), np.full(33, GUARD)
    matmul.matvec_sparse(x, W.reshape(-1), 33, lo, hi, initial, y, np.full(depth, -1))
    expected = initial + x.astype(np.float64) @ W
    np.testing.assert_allclose(y[lo:hi], expected[lo:hi], atol=1e-5)
    assert (np.delete(y, np.s_[lo:hi]) == GUARD).all()


def test_nan_is_not_zero():
    S = np.zeros((2, 70), np.float32)
    S[0, 69], S[1, 3] = np.nan, np.inf
    S[0, 0] = -0.0
    B, C, work = np.ones((70, LANES), np.float32), np.zeros(2 * LANES, np.float32), make_buffers(4)
    matmul.matmul_sparse(
        2, 70, pad(S, 70), 70, B.reshape(-1), False, LANES, LANES, aligned_zeros(LANES), C, LANES,
        work.nonzero_masks[0], work.panels[0],
    )  # fmt: skip
    assert np.isnan(C[:LANES]).all()
    assert (C[LANES:] == np.inf).all()


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 15, 16, 17, 100, 512])
def test_thread_ranges_are_whole_cache_lines_and_leave_nothing_out(size: int, threads: int):
    ends = [matmul.thread_range(size, thread, threads) for thread in range(threads)]
    assert ends[0][0] == 0
    assert ends[-1][1] == size
    for (_, end), (begin, _) in pairwise(ends):
        assert end == begin
        assert end % LANES == 0 or end == size
