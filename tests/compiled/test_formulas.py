"""Formulas of core/, compiled: those of NumPy, in float32, and chosen by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch.arrays import Vector
from handstitch.compiled import functions
from handstitch.compiled.formulas import choice, scalar, uncached
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.update_rules import OPTIMIZERS, Coefficients

every_activation = pytest.mark.parametrize("name", ACTIVATIONS)


def numbers() -> Vector:
    """Both sides of a kink, limits, numbers that overflow when squared, and those that are none."""
    special = [0.0, -0.0, 1e-45, -1e-45, 1e-30, 88.0, -89.0, 1e4, -1e4, 3e38, np.inf, np.nan]
    ordinary = np.random.default_rng(0).normal(0, 3, 5000)
    return np.concatenate([special, np.negative(special), ordinary]).astype(np.float32)


@every_activation
def test_activations_are_those_of_numpy(name: str):
    f, f_backward = ACTIVATIONS[name]
    Z, dA = numbers(), np.random.default_rng(1).permutation(numbers())
    with np.errstate(invalid="ignore", over="ignore"):
        A = f(Z)
        dZ = f_backward(dA, A)
    functions.activate(functions.ACTIVATION_IDS[name], Z)
    np.testing.assert_allclose(Z, A, rtol=1e-6, atol=1e-7)
    functions.activation_backward(functions.ACTIVATION_IDS[name], dA, A)
    np.testing.assert_allclose(dA, dZ, rtol=1e-6, atol=1e-44)


@every_activation
def test_nothing_is_promoted_to_float64(name: str):
    for formula, arguments in zip(ACTIVATIONS[name], (1, 2), strict=True):
        compiled = scalar(formula)
        compiled(*[np.float32(0.5)] * arguments)
        assert {str(each.return_type) for each in compiled.nopython_signatures} == {"float32"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_rule_is_promoted_to_float64(name: str):
    rule, slots = OPTIMIZERS[name]
    one = np.float32(1)
    compiled = scalar(rule)
    compiled(one, one, Coefficients._make([one] * len(Coefficients._fields)), *[one] * len(slots))
    (signature,) = compiled.nopython_signatures
    assert [str(each) for each in signature.return_type] == ["float32"] * (1 + len(slots))


def test_a_number_chooses_its_function():
    def write(value: int) -> Any:
        def function(out: Any) -> None:
            out[0] = value

        return uncached(function)

    chosen, out = choice([write(7), write(8), write(9)]), np.zeros(1)
    for number, wanted in enumerate([7, 8, 9, 9]):  # of a number beyond, nothing is called
        chosen(number, out)
        assert out[0] == wanted
