"""Products that skip zeros, against NumPy's in float64; what lies around them is not touched."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from handstitch.arrays import aligned_zeros
from handstitch.compiled import matmul
from handstitch.compiled.kernels import MASK_BITS, PANEL_WIDTH, TILE_ROWS, masked_gemm_panel
from handstitch.compiled.layout import Buffers
from handstitch.compiled.optimizers import Target
from handstitch.compiled.simd import LANES

SHAPES = [  # rows, depth, width; the last with more rows than are added at once to a gradient
    (1, 1, 1),
    (3, 63, 15),
    (5, 64, 16),
    (64, 65, 17),
    (65, 130, 127),
    (130, 40, 128),
    (70, 129, 129),
    (9, 200, 300),
    (300, 270, 530),
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
        nonzero_masks=np.full((1, max(size, matmul.MASKS)), 2**64 - 1, np.uint64),
        panels=np.full((1, matmul.PANELS), np.nan, np.float32),
        turned=np.full((1, matmul.TURNED), np.nan, np.float32),
        losses=np.empty(0),
        is_correct=np.empty(0, np.int64),
    )


def make_target(G: Any, alpha: float, beta: float) -> Target:
    """A target that takes a gradient and updates nothing."""
    none = np.zeros(0, np.float32)
    return Target(G, alpha, beta, beta, -1, none, False, False, none, none, none)


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
    matmul.matmul_sparse_transposed(
        n, count, pad(S, ld), ld, pad(B, ld_B), ld_B, width, initial, make_target(G, alpha, beta),
        0, ld_G, False, work, 0,
    )  # fmt: skip
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


def draw_special(rng: np.random.Generator, *shape: int) -> Any:
    """Numbers of all sizes, some of them −0 and some subnormal."""
    numbers = rng.standard_normal(shape) * 2.0 ** rng.integers(-149, 100, shape)
    numbers[rng.random(shape) < 0.1] = -0.0
    return numbers.astype(np.float32)


def test_rows_alone_and_together_agree_to_the_bit():
    """A NaN in one more column of B lets no rows be taken together."""
    draws, work = rng(), make_buffers(1000)
    for _ in range(500):
        n, depth, width = draws.integers(1, (150, 150, PANEL_WIDTH))
        is_turned, density = draws.random() < 0.5, draws.random() ** 0.3
        S = draw_special(draws, n, depth)
        S[draws.random(S.shape) > density] = 0
        S[draws.random(S.shape) < 0.001] = draws.choice(np.array([np.inf, np.nan], np.float32))
        inner, outer = (n, depth) if is_turned else (depth, n)
        B, initial = draw_special(draws, inner, width + 1), draw_special(draws, width + 1)
        before = draw_special(draws, outer, width + 1)
        alpha, beta = draws.choice([1.0, 0.25, -0.1]), draws.choice([0.0, 1.0, 0.9])
        found = []
        for last in (1, np.nan):
            B[:, -1], C = last, before.ravel().copy()
            if is_turned:
                matmul.matmul_sparse_transposed(
                    n, depth, pad(S, depth), depth, B.ravel(), width + 1, width + 1, initial,
                    make_target(C, float(alpha), float(beta)), 0, width + 1, False, work, 0,
                )  # fmt: skip
            else:
                matmul.matmul_sparse(
                    n, depth, pad(S, depth), depth, B.ravel(), False, width + 1, width + 1,
                    initial, C, width + 1, work.nonzero_masks[0], work.panels[0],
                )  # fmt: skip
            found.append(C.reshape(outer, width + 1)[:, :width].view(np.uint32))
        np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("is_finite", [True, False])
def test_rows_are_taken_together_where_the_panel_is_finite(is_finite: bool):
    S = np.ones((TILE_ROWS, MASK_BITS), np.float32)
    S[0, 7] = 0  # in the others it is not
    B = np.ones((MASK_BITS, PANEL_WIDTH), np.float32)
    B[7] = np.inf
    masks = (S != 0).astype(np.uint64) @ (np.uint64(1) << np.arange(MASK_BITS, dtype=np.uint64))
    C, first = (np.zeros(TILE_ROWS * PANEL_WIDTH, np.float32) for _ in range(2))
    masked_gemm_panel(
        TILE_ROWS, PANEL_WIDTH, masks, 1, is_finite, S.ravel(), MASK_BITS, 1, B.ravel(), first, 0,
        np.float32(1), np.float32(0), C, PANEL_WIDTH,
    )  # fmt: skip
    assert np.isnan(C[:PANEL_WIDTH]).all() == is_finite
    assert (C[PANEL_WIDTH:] == np.inf).all()


@pytest.mark.parametrize("infinite", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("width", [5, 40, 200])
def test_zeros_pass_over_what_is_not_finite(width: int, is_turned: bool, infinite: float):
    S, B = np.ones((66, 66), np.float32), np.ones((66, width), np.float32)
    S[5, 5] = 0
    B[5] = infinite
    C, work = np.zeros(66 * width, np.float32), make_buffers(66 * 2)
    if is_turned:
        matmul.matmul_sparse_transposed(
            66, 66, pad(S, 66), 66, B.ravel(), width, width, aligned_zeros(width),
            make_target(C, 1.0, 0.0), 0, width, False, work, 0,
        )  # fmt: skip
    else:
        matmul.matmul_sparse(
            66, 66, pad(S, 66), 66, np.ascontiguousarray(B.T).ravel(), True, 66, width,
            aligned_zeros(width), C, width, work.nonzero_masks[0], work.panels[0],
        )  # fmt: skip
    found = C.reshape(66, width)
    assert (found[5] == 65).all()
    np.testing.assert_array_equal(np.delete(found, 5, axis=0), infinite)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 15, 16, 17, 100, 512])
def test_thread_ranges_are_whole_cache_lines_and_leave_nothing_out(size: int, threads: int):
    ends = [matmul.thread_range(size, thread, threads) for thread in range(threads)]
    assert ends[0][0] == 0
    assert ends[-1][1] == size
    for (_, end), (begin, _) in pairwise(ends):
        assert end == begin
        assert end % LANES == 0 or end == size
