"""Activations against the textbook, derivatives against the complex step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from handstitch.arrays import BLOCK, Matrix
from handstitch.config import Config
from handstitch.core.activations import ACTIVATIONS, LEAK, apply
from handstitch.errors import ConfigError
from handstitch.randomness import Purpose, generator

Complex = NDArray[np.complexfloating[Any, Any]]

TEXTBOOK: dict[str, Callable[[float], float]] = {
    "relu": lambda z: z if z > 0 else 0.0,
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "elu": lambda z: z if z > 0 else np.expm1(z),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)) if z > 0 else np.exp(z) / (1 + np.exp(z)),
    "tanh": np.tanh,
}
ANALYTIC: dict[str, Callable[[Complex], Complex]] = {
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "leaky_relu": lambda z: np.where(z.real > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z.real > 0, z, np.exp(z) - 1),
    "sigmoid": lambda z: np.reciprocal(1 + np.exp(-z)),
    "tanh": np.tanh,
}
LIMITS = {  # f(−∞), f′(−∞), f(∞) where it is finite, f′(∞)
    "relu": (0.0, 0.0, None, 1.0),
    "leaky_relu": (None, LEAK, None, 1.0),
    "elu": (-1.0, 0.0, None, 1.0),
    "sigmoid": (0.0, 0.0, 1.0, 0.0),
    "tanh": (-1.0, 0.0, 1.0, 0.0),
}
every_activation = pytest.mark.parametrize("name", ACTIVATIONS)
both_orders = pytest.mark.parametrize("order", ["C", "F"])


def forward(name: str, Z: Matrix) -> Matrix:
    A = Z.copy(order="K")
    f, _ = ACTIVATIONS[name]
    apply(f, A)
    return A


def backward(name: str, dA: Matrix, A: Matrix) -> Matrix:
    dZ = dA.copy(order="K")
    _, f_backward = ACTIVATIONS[name]
    apply(f_backward, dZ, A)
    return dZ


def points(dtype: str = "d", order: str = "C") -> Matrix:
    """600 points from −30 to 30, no kink among them."""
    Z = np.concatenate([np.linspace(-6, 6, 400), np.linspace(-30, 30, 200)]).reshape(20, 30)
    return Z.astype(dtype, order=order)  # type: ignore[call-overload,no-any-return]


def test_every_row_has_a_second_writing():
    assert set(ACTIVATIONS) == set(TEXTBOOK) == set(ANALYTIC) == set(LIMITS)


def test_a_configuration_may_name_each_row_and_nothing_else():
    for name in ACTIVATIONS:
        assert Config(activation=(name,)).activation == (name,)
    with pytest.raises(ConfigError, match=", ".join(ACTIVATIONS)):
        Config(activation=("of another table",))


@every_activation
@both_orders
@pytest.mark.parametrize(("dtype", "tolerance"), [("f", 1e-6), ("d", 1e-15)])
def test_forward_is_the_textbook_formula(name: str, order: str, dtype: str, tolerance: float):
    Z = points(dtype, order)
    wanted = np.vectorize(TEXTBOOK[name])(Z.astype("d"))
    A = forward(name, Z)
    assert A.dtype == Z.dtype
    assert A.strides == Z.strides
    np.testing.assert_allclose(A, wanted, rtol=tolerance, atol=tolerance)


@every_activation
@both_orders
def test_derivative_is_the_complex_step(name: str, order: str):
    Z = points("d", order)
    dA = generator(1, Purpose.GRADIENT_CHECK).standard_normal(Z.shape)
    numeric = dA * (ANALYTIC[name](Z + 1e-30j).imag / 1e-30)
    dZ = backward(name, np.asarray(dA, order=order), forward(name, Z))  # type: ignore[call-overload]
    np.testing.assert_allclose(dZ, numeric, rtol=1e-12, atol=1e-15 * float(np.abs(dA).max()))


@every_activation
def test_derivative_in_float32_is_that_in_float64(name: str):
    Z, dA = points("f"), np.ones((20, 30))
    dZ = backward(name, dA.astype("f"), forward(name, Z))
    assert dZ.dtype == np.float32
    np.testing.assert_allclose(dZ, backward(name, dA, forward(name, points())), atol=3e-6)


@every_activation
@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_extreme_values_neither_overflow_nor_warn(name: str, dtype: str, size: float):
    low, low_slope, high, high_slope = LIMITS[name]
    A = forward(name, np.array([[-size, size]], dtype))
    wanted = [LEAK * -size if low is None else low, size if high is None else high]
    np.testing.assert_allclose(A, [wanted], rtol=1e-6)
    np.testing.assert_allclose(
        backward(name, np.ones((1, 2), dtype), A), [[low_slope, high_slope]], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "left"), [("relu", 0.0), ("leaky_relu", LEAK), ("elu", 1.0), ("tanh", 1.0)]
)
def test_at_zero_the_value_is_zero_and_the_slope_that_of_the_left_side(name: str, left: float):
    A = forward(name, np.zeros((1, 1)))
    assert A[0, 0] == 0
    assert backward(name, np.full((1, 1), 3.0), A)[0, 0] == 3 * left


@every_activation
def test_a_number_that_is_none_stays_visible(name: str):
    """Divergence is looked for in the loss; no activation may hide it."""
    assert np.isnan(forward(name, np.array([[np.nan]]))).all()


@every_activation
@both_orders
def test_blocks_hide_nothing(name: str, order: str):
    """More than two blocks, whose last is short: as if the formulas saw all numbers at once."""
    Z = np.asarray(np.random.default_rng(0).normal(size=(300, 230)), order=order)  # type: ignore[call-overload]
    assert Z.size > 2 * BLOCK
    f, f_backward = ACTIVATIONS[name]
    A = forward(name, Z)
    np.testing.assert_array_equal(A, f(Z))
    np.testing.assert_array_equal(backward(name, Z, A), f_backward(Z, A))


def test_an_array_with_gaps_is_refused_and_not_left_as_it_is():
    with pytest.raises(ValueError, match="copy"):
        apply(ACTIVATIONS["relu"][0], np.zeros((8, 8))[::2, ::2])
