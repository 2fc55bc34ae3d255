"""Products that skip zeros, against NumPy's in float64; what lies around them is not touched.

In each format: float32, and pairs of bfloat16 for the units that are here. Run with `-p
tests.compiled.emulated_tiles`, where there are no tiles, their instructions are emulated.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from handstitch.arrays import aligned_zeros
from handstitch.compiled import matmul, panels, tiles
from handstitch.compiled.bfloat16 import FORMATS
from handstitch.compiled.formulas import uncached
from handstitch.compiled.jit import FEATURES
from handstitch.compiled.kernels import MASK_BITS, PANEL_WIDTH, masked_gemm_panel
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
UNITS = {
    None: True,
    "AVX512-BF16": "+avx512bf16" in FEATURES.split(","),
    "AMX": tiles.are_allowed(),
}
FORMAT = pytest.mark.parametrize(
    "kind",
    [pytest.param(FORMATS[unit], id=unit or "float32") for unit, here in UNITS.items() if here],
)


def rounded(A: Any, kind: Any) -> Any:
    """A in float64; where the format holds bfloat16, rounded to the nearest, ties to even."""
    if kind is np.float32:
        return A.astype(np.float64)
    bits = np.ascontiguousarray(A).view(np.uint32)
    nearest = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return nearest.astype(np.uint32).view(np.float32).astype(np.float64)


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


def make_buffers(size: int, kind: Any = np.float32, rows: int = 0) -> Buffers:
    """Buffers of the step: a type of the tests' own would enter numba's cache on disk, which could
    then not be read without the tests."""
    empty = aligned_zeros(0)
    arrays: dict[str, Any] = dict.fromkeys(Buffers._fields, empty)
    return Buffers(**arrays)._replace(
        zeros=aligned_zeros(size),
        nonzero_masks=np.full((1, max(size, matmul.MASKS)), 2**64 - 1, np.uint64),
        panels=np.full((1, matmul.PANELS), np.nan, np.float32).view(kind),
        turned=np.full((1, matmul.TURNED), np.nan, np.float32).view(kind),
        rounded=np.full((1, panels.rounded_size(rows, size)), np.nan, np.float32).view(kind),
        losses=np.empty(0),
        is_correct=np.empty(0, np.int64),
    )


def make_target(G: Any, alpha: float, beta: float) -> Target:
    """A target that takes a gradient and updates nothing."""
    none = np.zeros(0, np.float32)
    return Target(G, alpha, beta, beta, -1, none, False, False, none, none, none)


@FORMAT
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_matmul_sparse(shape: tuple[int, int, int], density: float, transposed: bool, kind: Any):
    n, depth, width = shape
    S, B = make_sparse(n, depth, density), make_sparse(depth, width, 0.8)
    initial = np.linspace(-1, 1, width, dtype=np.float32)
    ld, ld_B, ld_C = depth + 3, (depth if transposed else width) + 5, width + 2
    flat_B = pad(np.ascontiguousarray(B.T) if transposed else B, ld_B)
    C = pad(np.full((n, width), np.nan), ld_C)  # not read
    work = make_buffers(max(n * -(-depth // MASK_BITS), depth, width), kind, n)
    matmul.matmul_sparse(
        n, depth, pad(S, ld), ld, flat_B, transposed, ld_B, width, initial, C, ld_C,
        work.nonzero_masks[0], work.panels[0], work.rounded[0],
    )  # fmt: skip
    found = C[: n * ld_C].reshape(n, ld_C)
    expected = initial + rounded(S, kind) @ rounded(B, kind)
    np.testing.assert_allclose(found[:, :width], expected, atol=1e-4)
    assert (found[:, width:] == GUARD).all()
    assert (C[n * ld_C :] == GUARD).all()


@FORMAT
@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.25, 1.0), (-0.1, 0.9)])
@pytest.mark.parametrize("shape", SHAPES)
def test_matmul_sparse_transposed(
    shape: tuple[int, int, int], alpha: float, beta: float, density: float, kind: Any
):
    n, count, width = shape
    S, B = make_sparse(n, count, density), make_sparse(n, width, 1.0)
    initial = np.linspace(-1, 1, width, dtype=np.float32)
    ld, ld_B, ld_G = count + 3, width + 1, width + 4
    before = make_sparse(count, width, 1.0) if beta else np.full((count, width), np.nan, np.float32)
    G, work = pad(before, ld_G), make_buffers(max(count, width), kind)
    matmul.matmul_sparse_transposed(
        n, count, pad(S, ld), ld, pad(B, ld_B), ld_B, width, initial, make_target(G, alpha, beta),
        0, ld_G, False, work, 0,
    )  # fmt: skip
    expected = alpha * (initial + rounded(S, kind).T @ rounded(B, kind))
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


@FORMAT
def test_nan_is_not_zero(kind: Any):
    S = np.zeros((2, 70), np.float32)
    S[0, 69], S[1, 3] = np.nan, np.inf
    S[0, 0] = -0.0
    B, C = np.ones((70, LANES), np.float32), np.zeros(2 * LANES, np.float32)
    work = make_buffers(100, kind, 2)
    matmul.matmul_sparse(
        2, 70, pad(S, 70), 70, B.reshape(-1), False, LANES, LANES, aligned_zeros(LANES), C, LANES,
        work.nonzero_masks[0], work.panels[0], work.rounded[0],
    )  # fmt: skip
    assert np.isnan(C[:LANES]).all()
    assert (C[LANES:] == np.inf).all()


def draw_special(rng: np.random.Generator, *shape: int) -> Any:
    """Numbers of all sizes, some of them −0 and some subnormal."""
    numbers = rng.standard_normal(shape) * 2.0 ** rng.integers(-149, 100, shape)
    numbers[rng.random(shape) < 0.1] = -0.0
    return numbers.astype(np.float32)


@FORMAT
def test_rows_alone_and_together_agree_to_the_bit(kind: Any):
    """A NaN in one more column of B lets no rows be taken together."""
    draws, work = rng(), make_buffers(1000, kind, 150)
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
                    work.rounded[0],
                )  # fmt: skip
            found.append(C.reshape(outer, width + 1)[:, :width].view(np.uint32))
        np.testing.assert_array_equal(*found)


@uncached
def multiply_panel(  # noqa: PLR0917 (numba)
    panel, rows, width, masks, is_finite, S, first, C
):
    masked_gemm_panel(
        panel, rows, width, masks, 1, is_finite, S, np.int64(MASK_BITS), np.int64(1), first,
        np.int64(0), np.float32(1), np.float32(0), C, np.int64(PANEL_WIDTH),
    )  # fmt: skip


@pytest.mark.parametrize("is_finite", [True, False])
def test_rows_are_taken_together_where_the_panel_is_finite(is_finite: bool):
    S = np.ones((4, MASK_BITS), np.float32)
    S[0, 7] = 0  # in the others it is not
    B = np.ones((MASK_BITS, PANEL_WIDTH), np.float32)
    B[7] = np.inf
    masks = (S != 0).astype(np.uint64) @ (np.uint64(1) << np.arange(MASK_BITS, dtype=np.uint64))
    C, first = (np.zeros(4 * PANEL_WIDTH, np.float32) for _ in range(2))
    multiply_panel(B.ravel(), 4, PANEL_WIDTH, masks, is_finite, S.ravel(), first, C)
    assert np.isnan(C[:PANEL_WIDTH]).all() == is_finite
    assert (C[PANEL_WIDTH:] == np.inf).all()


@FORMAT
@pytest.mark.parametrize("infinite", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("width", [5, 40, 200])
def test_zeros_pass_over_what_is_not_finite(
    width: int, is_turned: bool, infinite: float, kind: Any
):
    """Of pairs, two zeros do, and in tiles none."""
    S, B = np.ones((66, 66), np.float32), np.ones((66, width), np.float32)
    S[4:6, 4:6] = 0
    B[4:6] = infinite
    C, work = np.zeros(66 * width, np.float32), make_buffers(max(width, 66 * 2), kind, 66)
    if is_turned:
        matmul.matmul_sparse_transposed(
            66, 66, pad(S, 66), 66, B.ravel(), width, width, aligned_zeros(width),
            make_target(C, 1.0, 0.0), 0, width, False, work, 0,
        )  # fmt: skip
    else:
        matmul.matmul_sparse(
            66, 66, pad(S, 66), 66, np.ascontiguousarray(B.T).ravel(), True, 66, width,
            aligned_zeros(width), C, width, work.nonzero_masks[0], work.panels[0], work.rounded[0],
        )  # fmt: skip
    found = C.reshape(66, width)
    assert np.isnan(found[4:6]).all() if kind is np.int32 else (found[4:6] == 64).all()
    np.testing.assert_array_equal(np.delete(found, [4, 5], axis=0), infinite)


def multiply(S: Any, B: Any, initial: Any, kind: Any) -> Any:
    """initial + S B."""
    (n, depth), width = S.shape, B.shape[1]
    C, work = np.zeros(n * width, np.float32), make_buffers(max(depth, width), kind, n)
    matmul.matmul_sparse(
        n, depth, pad(S, depth), depth, B.ravel(), False, width, width, initial, C, width,
        work.nonzero_masks[0], work.panels[0], work.rounded[0],
    )  # fmt: skip
    return C.reshape(n, width)


@FORMAT
def test_sums_begin_with_what_is_given(kind: Any):
    """What is subnormal may be lost, nothing else is."""
    given = np.array([np.nan, np.inf, -3.5, 2.0**-126, 0], np.float32)
    found = multiply(np.ones((3, 9), np.float32), np.zeros((9, 5), np.float32), given, kind)
    np.testing.assert_array_equal(found, np.tile(given, (3, 1)))
    subnormal = np.full(5, 1e-39, np.float32)
    found = multiply(np.ones((3, 9), np.float32), np.zeros((9, 5), np.float32), subnormal, kind)
    assert (found == (subnormal if kind is np.float32 else 0)).all()


@FORMAT
def test_the_order_of_a_sum(kind: Any):
    """2²⁴ + 1 is 2²⁴ in float32. A number a step; of a pair the upper one first; in tiles all upper
    ones apart from all lower ones, and to their sum what was there before.
    """
    S = np.array([[1, 2**12, -(2**12), 0]], np.float32)
    B = np.abs(S).reshape(4, 1)
    found = multiply(S, B, np.ones(1, np.float32), kind)
    assert found.item() == {np.float32: 2, np.uint32: 0, np.int32: 2}[kind]


@FORMAT
def test_numbers_are_rounded_to_the_nearest(kind: Any):
    """Ties to even; what is subnormal becomes 0, infinities and NaN stay."""
    step = 2.0**-7  # of bfloat16, from 1 to 2
    numbers = [1 + step / 2, 1 + 1.5 * step, 1 + 0.49 * step, -1 - 0.51 * step, 1e-39, np.inf]
    S = np.array(numbers, np.float32).reshape(-1, 1)
    found = multiply(S, np.ones((1, 1), np.float32), np.zeros(1, np.float32), kind).ravel()
    rounding = [1, 1 + 2 * step, 1, -1 - step, 0, np.inf]
    wanted = S.ravel() if kind is np.float32 else np.array(rounding, np.float32)
    np.testing.assert_array_equal(found, wanted)
    nan = multiply(np.full((1, 1), np.nan, np.float32), np.ones((1, 1), np.float32), wanted, kind)
    assert np.isnan(nan).all()


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 15, 16, 17, 100, 512])
def test_thread_ranges_are_whole_cache_lines_and_leave_nothing_out(size: int, threads: int):
    ends = [matmul.thread_range(size, thread, threads) for thread in range(threads)]
    assert ends[0][0] == 0
    assert ends[-1][1] == size
    for (_, end), (begin, _) in pairwise(ends):
        assert end == begin
        assert end % LANES == 0 or end == size
