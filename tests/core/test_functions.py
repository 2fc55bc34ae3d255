"""Softmax and cross-entropy against care, and dropout against counting."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handstitch.arrays import Matrix
from handstitch.core.functions import dropout, softmax, softmax_cross_entropy
from handstitch.randomness import Purpose, generator

both_orders = pytest.mark.parametrize("order", ["C", "F"])


# ── Softmax and cross-entropy ──────────────────────────────────────────────────────────────────


def careful(Z: Matrix, Y: Matrix) -> tuple[float, Matrix]:
    """L and P in long double with a shifted log Σ exp, row by row."""
    loss, P = np.longdouble(0), np.empty(Z.shape)
    for row, (z, y) in enumerate(zip(Z.astype(np.longdouble), Y, strict=True)):
        logarithm = z.max() + np.log(np.exp(z - z.max()).sum())
        loss += (y * (logarithm - z)).sum()
        P[row] = np.exp(z - logarithm)
    return float(loss), P


def loss_and_gradient(Z: Matrix, Y: Matrix) -> tuple[float, Matrix]:
    dZ, space = np.full_like(Z, np.nan), np.full((2, len(Z), 1), np.nan, Z.dtype)
    return softmax_cross_entropy(Z, Y, dZ, *space), dZ


def one_hot(rng: np.random.Generator, n: int, classes: int) -> Matrix:
    return np.eye(classes)[rng.integers(0, classes, n)]


@settings(deadline=None, derandomize=True)
@given(
    n=st.integers(1, 30),
    classes=st.integers(1, 12),
    spread=st.sampled_from([1e-8, 0.1, 1.0, 30.0, 1e4]),
    offset=st.sampled_from([0.0, -1e6, 1e6]),
    seed=st.integers(0, 1000),
)
def test_loss_and_gradient_are_the_careful_ones(
    n: int, classes: int, spread: float, offset: float, seed: int
):
    rng = np.random.default_rng(seed)
    Z = offset + spread * rng.standard_normal((n, classes))
    Y = one_hot(rng, n, classes)
    wanted, P = careful(Z, Y)
    untouched = Z.copy()
    loss, dZ = loss_and_gradient(Z, Y)
    assert loss == pytest.approx(wanted, rel=1e-13, abs=1e-13 * n)
    np.testing.assert_allclose(dZ, P - Y, rtol=1e-13, atol=2e-16 * classes)
    assert np.array_equal(Z, untouched)


def test_in_float32_both_are_close():
    rng = np.random.default_rng(0)
    Z, Y = rng.normal(0, 5, (64, 10)), one_hot(rng, 64, 10)
    loss, dZ = loss_and_gradient(Z.astype("f"), Y.astype("f"))
    wanted, P = careful(Z.astype("f"), Y)
    assert dZ.dtype == np.float32
    assert loss == pytest.approx(wanted, rel=2e-6)
    np.testing.assert_allclose(dZ, P - Y, atol=3e-7)


@pytest.mark.parametrize("dtype", ["f", "d"])
def test_uniform_logits_cost_the_logarithm_of_the_classes(dtype: str):
    for level in (0, 1e4, -1e4):
        loss, dZ = loss_and_gradient(np.full((3, 10), level, dtype), np.eye(3, 10, dtype=dtype))
        assert loss == pytest.approx(3 * log(10), rel=1e-6)
        np.testing.assert_allclose(dZ, 0.1 - np.eye(3, 10), rtol=1e-6)


def test_huge_logits_cost_their_distance_and_nothing_is_lost_in_a_logarithm_of_zero():
    """−log(p + ε) would stop at 34.5 or so."""
    Z = np.array([[1e4, 0.0, -1e4]], "f")
    for label, wanted in enumerate([0.0, 1e4, 2e4]):
        loss, dZ = loss_and_gradient(Z, np.eye(3, dtype="f")[[label]])
        assert loss == wanted
        np.testing.assert_array_equal(dZ, np.eye(3)[[0]] - np.eye(3)[[label]])


@pytest.mark.parametrize("weights", [1, [[0.0], [0.3], [1.0], [20.0]]], ids=["one", "any"])
def test_gradient_is_the_complex_step_for_soft_and_weighted_targets_too(weights: Any):
    rng = np.random.default_rng(3)
    Z, Y = rng.standard_normal((4, 5)), rng.dirichlet(np.ones(5), 4) * weights
    loss, dZ = loss_and_gradient(Z, Y)
    assert loss == pytest.approx(careful(Z, Y)[0], rel=1e-13)
    for place in np.ndindex(Z.shape):
        moved = Z.astype(complex)
        moved[place] += 1e-30j
        L = (Y * (np.log(np.exp(moved).sum(axis=1, keepdims=True)) - moved)).sum()
        assert dZ[place] == pytest.approx(L.imag / 1e-30, rel=1e-12)


def test_infinite_or_missing_logits_give_a_loss_that_is_none():
    with np.errstate(invalid="ignore"):
        for bad in (np.nan, np.inf):
            Z = np.zeros((2, 3))
            Z[1, 1] = bad
            assert not np.isfinite(loss_and_gradient(Z, np.eye(2, 3))[0])


@pytest.mark.parametrize("spread", [0.1, 10, 1e4])
def test_softmax_is_careful_and_may_work_in_place(spread: float):
    rng = np.random.default_rng(5)
    Z = spread * rng.standard_normal((20, 10))
    _, wanted = careful(Z, one_hot(rng, 20, 10))
    P, column = np.full_like(Z, np.nan), np.empty((20, 1))
    softmax(Z, P, column)
    np.testing.assert_allclose(P, wanted, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-15)
    softmax(Z, Z, column)
    np.testing.assert_array_equal(Z, P)


# ── Dropout ────────────────────────────────────────────────────────────────────────────────────


def dropped(p: float, order: str, dtype: str = "f", index: int = 0) -> tuple[Matrix, Matrix]:
    A = np.full((500, 400), 3, dtype, order=order)  # type: ignore[call-overload]
    mask, out = np.full_like(A, np.nan), np.full_like(A, np.nan)
    dropout(A, p, generator(7, Purpose.DROPOUT, index), mask, out)
    assert (A == 3).all()
    return mask, out


@both_orders
@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("p", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_masks_have_the_right_numbers_in_the_right_proportion(p: float, dtype: str, order: str):
    """200,000 units: the fraction silenced within 5 σ of p, rows and columns spread like coins."""
    mask, out = dropped(p, order, dtype)
    np.testing.assert_allclose(np.unique(mask), [0, 1 / (1 - p)], rtol=1e-6)
    silent = mask == 0
    deviation = np.sqrt(p * (1 - p))
    assert abs(silent.mean() - p) <= 5 * deviation / np.sqrt(silent.size)
    for axis in (0, 1):
        spread = silent.mean(axis=axis).std() / (deviation / np.sqrt(silent.shape[axis]))
        assert spread == pytest.approx(1, abs=0.2)
    np.testing.assert_array_equal(out, mask * 3)
    assert out.mean() == pytest.approx(3, abs=15 * deviation / (1 - p) / np.sqrt(silent.size))


@both_orders
def test_masks_are_a_function_of_the_stream_alone(order: str):
    one, _ = dropped(0.3, order)
    again, _ = dropped(0.3, order)
    other, _ = dropped(0.3, order, index=1)
    np.testing.assert_array_equal(one, again)
    agreeing = (one == other).mean()  # independent masks agree in p² + (1 − p)² of the places
    assert agreeing == pytest.approx(0.58, abs=0.01)


def test_dropout_may_work_in_place():
    A, mask = np.full((4, 50), 2.0), np.empty((4, 50))
    dropout(A, 0.5, generator(0, Purpose.DROPOUT), mask, A)
    np.testing.assert_array_equal(A, 2 * mask)


def test_a_mask_with_gaps_is_refused_and_not_left_unfilled():
    A = np.ones((4, 4))
    with pytest.raises(ValueError, match="contiguous"):
        dropout(A, 0.5, generator(0, Purpose.DROPOUT), np.zeros((8, 8))[::2, ::2], A.copy())
