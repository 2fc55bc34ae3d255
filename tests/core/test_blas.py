"""gemm: every layout, α and β against a product in float64; every misuse refused in words."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handstitch.arrays import Matrix
from handstitch.core.blas import gemm

LAYOUTS: dict[str, Callable[[Matrix], Matrix]] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "transposed": lambda M: np.ascontiguousarray(M.T).T,  # a view, as W.T in backward
}
TOLERANCE = {"f": 2e-6, "d": 1e-14}


def check(
    shape: tuple[int, int, int], layouts: str, factors: tuple[float, float], dtype: str, seed: int
) -> None:
    """α A B + β C, and nothing else touched: not A, not B, not the memory around C."""
    (n, k, m), (alpha, beta) = shape, factors
    rng = np.random.default_rng(seed)
    a, b, c = (LAYOUTS[name] for name in layouts.split())
    A = a(rng.standard_normal((n, k)).astype(dtype))
    B = b(rng.standard_normal((k, m)).astype(dtype))
    before = rng.standard_normal((n, m)).astype(dtype)
    wanted = alpha * (A.astype("d") @ B.astype("d")) + (beta * before.astype("d") if beta else 0)
    if beta == 0:
        before[:] = np.nan
    around = np.full(n * m + 2, 7.0, dtype)
    C = c(before)
    inner = around[1:-1].reshape((m, n) if C.flags.f_contiguous else (n, m))
    inner = inner.T if C.flags.f_contiguous else inner
    inner[:] = C
    kept_A, kept_B = A.copy(), B.copy()
    gemm(alpha, A, B, beta, inner)
    scale = abs(alpha) * np.abs(kept_A) @ np.abs(kept_B) + abs(beta) * np.abs(np.nan_to_num(before))
    assert np.all(np.abs(inner - wanted) <= TOLERANCE[dtype] * (scale + 1e-30))
    assert np.array_equal(A, kept_A)
    assert np.array_equal(B, kept_B)
    assert around[0] == around[-1] == 7


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("layouts", [" ".join(each) for each in product(LAYOUTS, repeat=3)])
@pytest.mark.parametrize(("alpha", "beta"), [(1, 0), (1, 1), (-0.3, 0.9), (0, 0.5), (2.5, 0)])
def test_every_layout(layouts: str, dtype: str, alpha: float, beta: float):
    check((7, 5, 3), layouts, (alpha, beta), dtype, seed=0)


sizes = st.integers(0, 40)
numbers = st.sampled_from([0.0, 1.0, -1.0, 0.25, -3.0])


@settings(deadline=None, max_examples=200, derandomize=True)
@given(
    shape=st.tuples(sizes, st.integers(1, 40), sizes),
    layouts=st.tuples(*[st.sampled_from(list(LAYOUTS))] * 3).map(" ".join),
    factors=st.tuples(numbers, numbers),
    dtype=st.sampled_from("fd"),
    seed=st.integers(0, 9),
)
def test_any_shape(
    shape: tuple[int, int, int], layouts: str, factors: tuple[float, float], dtype: str, seed: int
):
    check(shape, layouts, factors, dtype, seed)


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 9, 1), (1, 1, 9), (9, 1, 1), (1, 9, 4), (9, 4, 1)]
)
@pytest.mark.parametrize("layouts", ["C C C", "F F F", "C F C", "F C transposed"])
def test_single_rows_and_columns(shape: tuple[int, int, int], layouts: str):
    check(shape, layouts, (2, 0.5), "f", seed=0)


def test_a_product_over_nothing_leaves_beta_times_C():
    for C in (np.ones((2, 3)), np.asfortranarray(np.ones((2, 3)))):
        gemm(1, np.empty((2, 0)), np.empty((0, 3)), 0.5, C)
        assert np.array_equal(C, np.full((2, 3), 0.5))


def test_rows_at_the_start_of_a_larger_buffer():
    """What narrowed workspaces hand over: part of an array, without gaps."""
    whole = np.full((10, 4), 7.0)
    gemm(1, np.ones((6, 2)), np.ones((2, 4)), 0, whole[:6])
    assert np.array_equal(whole[:6], np.full((6, 4), 2.0))
    assert np.array_equal(whole[6:], np.full((4, 4), 7.0))


def read_only(M: Matrix) -> Matrix:
    M.flags.writeable = False
    return M


GAPS = np.zeros((8, 8))[::2, ::2]
SQUARE = np.zeros((4, 4))


@pytest.mark.parametrize(
    ("A", "B", "C", "message"),
    [
        (GAPS, SQUARE, SQUARE.copy(), "without gaps"),
        (SQUARE, GAPS, SQUARE.copy(), "without gaps"),
        (SQUARE, SQUARE, np.zeros((8, 8))[::2, ::2], "without gaps"),
        (SQUARE, SQUARE, np.zeros((4, 8))[:, :4], "without gaps"),
        (SQUARE, SQUARE, np.zeros((8, 4), order="F")[:4], "without gaps"),
        (SQUARE[::-1], SQUARE, SQUARE.copy(), "without gaps"),
        (SQUARE, SQUARE, read_only(np.zeros((4, 4))), "read-only"),
        (SQUARE, SQUARE, read_only(np.zeros((4, 4), order="F")), "read-only"),
        (SQUARE, np.zeros((5, 4)), SQUARE.copy(), r"\(4, 4\) ← \(4, 4\) \(5, 4\)"),
        (SQUARE, SQUARE, np.zeros((4, 5)), r"\(4, 5\) ← \(4, 4\) \(4, 4\)"),
        (SQUARE, SQUARE, np.zeros((5, 4)), r"\(5, 4\) ← \(4, 4\) \(4, 4\)"),
        (np.zeros((2, 4)), np.zeros((5, 2)), np.zeros((2, 2)), r"do not fit"),
        (np.zeros((4, 2)), SQUARE, np.zeros((4, 4)), r"do not fit"),
        (np.zeros(4), SQUARE, np.zeros(4), r"do not fit"),
        (SQUARE, np.zeros(4), np.zeros(4), r"do not fit"),
        (SQUARE, SQUARE, np.zeros((4, 4, 1)), r"do not fit"),
        (SQUARE.astype("f"), SQUARE, SQUARE.copy(), "float64 ← float32 float64"),
        (SQUARE, SQUARE.astype("f"), SQUARE.copy(), "float64 ← float64 float32"),
        (SQUARE, SQUARE, SQUARE.astype("f"), "float32 ← float64 float64"),
        (SQUARE.astype("e"), SQUARE.astype("e"), SQUARE.astype("e"), "float16"),
        (SQUARE.astype(int), SQUARE.astype(int), SQUARE.astype(int), "share float32 or float64"),
        (SQUARE.astype("D"), SQUARE.astype("D"), SQUARE.astype("D"), "complex128"),
    ],
)
def test_misuse_is_refused(A: Matrix, B: Matrix, C: Matrix, message: str):
    before = C.copy()
    with pytest.raises(ValueError, match=message):
        gemm(1, A, B, 1, C)
    assert np.array_equal(C, before)


@pytest.mark.parametrize("dtype", [">f4", ">f8"])
def test_foreign_byte_order_is_refused(dtype: str):
    """SciPy would take a copy, and the result would be lost with it."""
    C = np.zeros((2, 2), dtype)
    with pytest.raises(ValueError, match=r"float|in place"):
        gemm(1, np.ones((2, 2), dtype), np.ones((2, 2), dtype), 0, C)


def test_C_is_written_and_not_a_copy_of_it():
    """The hazard behind the guards: scipy's wrapper is silent when it worked on a copy."""
    for C in (np.zeros((3, 3)), np.zeros((3, 3), order="F")):
        gemm(1, np.eye(3), np.eye(3), 0, C)
        assert np.array_equal(C, np.eye(3))
