"""Wrong backward passes, planted one by one: the gradient check must find every one of them."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest

from handstitch.arrays import Indices, Matrix, Vector
from handstitch.config import Config
from handstitch.core import activations
from handstitch.core.activations import ACTIVATIONS, apply
from handstitch.core.blas import gemm
from handstitch.core.network import Into, Network, Workspace
from handstitch.core.optimizers import Optimizer
from handstitch.gradcheck import TOLERANCE, Case, Verdict, check, relative_errors

Patch = pytest.MonkeyPatch

PROBLEM = Config(
    hidden_sizes=(5, 5, 5),
    activation=("tanh", "sigmoid", "elu"),
    dropout=0.3,
    input_dropout=0.2,
    weight_decay=0.05,
    reduction="mean",
    class_weight=("balanced",),
    label_smoothing=0.2,
    seed=2,
)
"""Everything at once. Widths are equal where a transposed matrix would otherwise not fit."""
DATA: dict[str, Any] = {"inputs": 6, "samples": 7, "mixing": 0.7}


class Faults:
    """A backward pass written apart from the production code, and the ways to get it wrong.

    Each method is one step of it; a fault overrides one method.
    """

    def begin(self, network: Network, work: Workspace, into: Into) -> None:
        """Before the loop."""

    def backward(self, network: Network, work: Workspace, into: Into) -> None:
        self.begin(network, work, into)
        for layer in reversed(range(len(network.layers))):
            W = network.layers[layer][0]
            A, dZ = work.inputs[layer].copy(), work.gradients[layer].copy()
            target = into.parameters
            n = len(dZ)
            dA = self.dA(dZ, W)
            dW, db = self.dW(A, dZ, n), self.db(dZ, n)
            beta, beta_biases = self.betas(into)
            target.weights[layer][:] = into.alpha * dW + beta * target.weights[layer]
            target.biases[layer][:] = into.alpha * db + beta_biases * target.biases[layer]
            if layer == 0:
                break
            if network.dropout[layer]:
                dA = self.masked(dA, network, work, layer)
            output, name = self.source(network, work, layer)
            dZ_below = self.derivative(name, dA, output)
            work.gradients[layer - 1][:] = self.sign(dZ_below, layer)

    def dA(self, dZ: Matrix, W: Matrix) -> Any:
        return dZ @ W.T

    def dW(self, A: Matrix, dZ: Matrix, n: int) -> Any:
        return A.T @ dZ

    def db(self, dZ: Matrix, n: int) -> Any:
        return dZ.sum(axis=0)

    def betas(self, into: Into) -> tuple[float, float]:
        return into.beta, into.beta_biases

    def masked(self, dA: Matrix, network: Network, work: Workspace, layer: int) -> Any:
        return dA * work.masks[layer]

    def source(self, network: Network, work: Workspace, layer: int) -> tuple[Matrix, str]:
        """Whose output the derivative is written from, and which derivative."""
        return work.outputs[layer - 1], network.activations[layer - 1]

    def derivative(self, name: str, dA: Matrix, A: Matrix) -> Any:
        return ACTIVATIONS[name][1](dA, A)

    def sign(self, dZ: Matrix, layer: int) -> Any:
        return dZ


class NoFault(Faults):
    """Right: what the others are compared with."""


class MeanTwice(Faults):
    def dW(self, A: Matrix, dZ: Matrix, n: int) -> Any:
        return A.T @ dZ / n


class MeanOfTheBiasesTwice(Faults):
    def db(self, dZ: Matrix, n: int) -> Any:
        return dZ.mean(axis=0)


class ForgottenMean(Faults):
    """Summed where the mean was asked for."""

    def dW(self, A: Matrix, dZ: Matrix, n: int) -> Any:
        return n * (A.T @ dZ)

    def db(self, dZ: Matrix, n: int) -> Any:
        return n * dZ.sum(axis=0)


class TransposedWeights(Faults):
    def dA(self, dZ: Matrix, W: Matrix) -> Any:
        return dZ @ W if W.shape[0] == W.shape[1] else dZ @ W.T


class TransposedGradient(Faults):
    def dW(self, A: Matrix, dZ: Matrix, n: int) -> Any:
        right = A.T @ dZ
        return right.T if right.shape[0] == right.shape[1] else right


class BiasOfTheFirstSample(Faults):
    def db(self, dZ: Matrix, n: int) -> Any:
        return dZ[0]


class BiasWithoutTheLastSample(Faults):
    def db(self, dZ: Matrix, n: int) -> Any:
        return dZ[:-1].sum(axis=0)


class BiasForgotten(Faults):
    def db(self, dZ: Matrix, n: int) -> Any:
        return np.zeros(dZ.shape[1])


class StaleMask(Faults):
    """The mask of another layer, or of a batch that is over."""

    def masked(self, dA: Matrix, network: Network, work: Workspace, layer: int) -> Any:
        return dA * np.roll(work.masks[layer], 1, axis=0)


class NoMask(Faults):
    def masked(self, dA: Matrix, network: Network, work: Workspace, layer: int) -> Any:
        return dA


class MaskWithoutScale(Faults):
    def masked(self, dA: Matrix, network: Network, work: Workspace, layer: int) -> Any:
        return dA * (work.masks[layer] > 0)


class UndroppedInputs(Faults):
    """∂L/∂W from the layer's output, not from what the next layer saw of it."""

    def begin(self, network: Network, work: Workspace, into: Into) -> None:
        work.inputs[1:] = work.outputs[:-1]


class DerivativeOfTheDroppedOutput(Faults):
    """a(1 − a) of a number that dropout had scaled."""

    def source(self, network: Network, work: Workspace, layer: int) -> tuple[Matrix, str]:
        return work.dropped[layer], network.activations[layer - 1]


class DerivativeOfTheLayerBelow(Faults):
    def source(self, network: Network, work: Workspace, layer: int) -> tuple[Matrix, str]:
        return work.outputs[max(0, layer - 2)], network.activations[layer - 1]


class ActivationsInReverse(Faults):
    def source(self, network: Network, work: Workspace, layer: int) -> tuple[Matrix, str]:
        return work.outputs[layer - 1], network.activations[::-1][layer - 1]


class ActivationOfTheLayerAbove(Faults):
    """Off by one."""

    def source(self, network: Network, work: Workspace, layer: int) -> tuple[Matrix, str]:
        return work.outputs[layer - 1], (*network.activations, "relu")[layer]


class NoDerivative(Faults):
    def derivative(self, name: str, dA: Matrix, A: Matrix) -> Any:
        return dA


class NoDerivativeOfTheFirstLayer(Faults):
    def derivative(self, name: str, dA: Matrix, A: Matrix) -> Any:
        return dA if name == PROBLEM.activations[0] else super().derivative(name, dA, A)


class DerivativeTwice(Faults):
    def derivative(self, name: str, dA: Matrix, A: Matrix) -> Any:
        return super().derivative(name, super().derivative(name, dA, A), A)


class WrongSign(Faults):
    def sign(self, dZ: Matrix, layer: int) -> Any:
        return -dZ if layer == 1 else dZ


class PenaltyOnBiasesToo(Faults):
    def betas(self, into: Into) -> tuple[float, float]:
        return into.beta, into.beta


class PenaltyDoubled(Faults):
    """λ‖θ‖² instead of (λ/2)‖θ‖²."""

    def betas(self, into: Into) -> tuple[float, float]:
        return 2 * into.beta, into.beta_biases


class PenaltyForgotten(Faults):
    def betas(self, into: Into) -> tuple[float, float]:
        return 0.0, 0.0


class PenaltyDividedByTheBatch(Faults):
    def betas(self, into: Into) -> tuple[float, float]:
        return into.beta * into.alpha, into.beta_biases


class ProbabilitiesForP_Y(Faults):  # noqa: N801 (P − Y)
    def begin(self, network: Network, work: Workspace, into: Into) -> None:
        work.gradients[-1][:] += work.targets


class SignOfTheLoss(Faults):
    def begin(self, network: Network, work: Workspace, into: Into) -> None:
        work.gradients[-1][:] *= -1


FAULTS = [fault for fault in Faults.__subclasses__() if fault is not NoFault]


def plant(monkeypatch: Patch, fault: type[Faults]) -> None:
    def backward(self: Network, work: Workspace, into: Into) -> None:
        fault().backward(self, work, into)

    monkeypatch.setattr(Network, "backward", backward)


def caught(verdict: Verdict) -> bool:
    return verdict.worst > TOLERANCE and not verdict.passed


def test_unpatched_passes():
    verdict = check(PROBLEM, **DATA)
    assert verdict.worst <= TOLERANCE
    assert verdict.passed


def test_the_backward_pass_that_carries_the_faults_is_right_without_them(monkeypatch: Patch):
    plant(monkeypatch, NoFault)
    assert check(PROBLEM, **DATA).passed


def test_there_are_enough_of_them():
    assert len(FAULTS) >= 12


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_fault_is_caught(monkeypatch: Patch, fault: type[Faults]):
    plant(monkeypatch, fault)
    assert caught(check(PROBLEM, **DATA))


# ── Faults in the functions themselves ─────────────────────────────────────────────────────────


SIGMOID = ACTIVATIONS["sigmoid"]


def relu_as_if_linear(dA: Matrix, A: Matrix) -> Any:
    return dA


def leak_of_a_tenth(dA: Matrix, A: Matrix) -> Any:
    return dA * np.where(A > 0, 1, 0.1)


def elu_of_z(dA: Matrix, A: Matrix) -> Any:
    """e^a where eᶻ = a + 1 is meant."""
    return dA * np.where(A > 0, 1, np.exp(A))


def sigmoid_of_z(dA: Matrix, A: Matrix) -> Any:
    """The derivative as if its argument were z."""
    f, f_backward = SIGMOID
    return f_backward(dA, f(A))


def tanh_not_squared(dA: Matrix, A: Matrix) -> Any:
    return dA * (1 - A)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("relu", relu_as_if_linear),
        ("leaky_relu", leak_of_a_tenth),
        ("elu", elu_of_z),
        ("sigmoid", sigmoid_of_z),
        ("tanh", tanh_not_squared),
    ],
)
def test_a_wrong_derivative_is_caught(
    monkeypatch: Patch, name: str, wrong: Callable[[Matrix, Matrix], Any]
):
    plain = Config(hidden_sizes=(5,), activation=(name,), dropout=0.0)
    assert check(plain, **DATA).passed
    monkeypatch.setitem(ACTIVATIONS, name, (ACTIVATIONS[name][0], wrong))
    assert caught(check(plain, **DATA))


def test_a_wrong_forward_pass_is_caught(monkeypatch: Patch):
    """Forward and derivative agree with each other, but are of another function."""
    monkeypatch.setattr(activations, "LEAK", 0.02)
    assert caught(check(Config(hidden_sizes=(5,), activation=("leaky_relu",), dropout=0.0), **DATA))


RIGHT = Network.loss


def halved(self: Network, y: Indices, work: Workspace, weights: Vector, mixing: float) -> float:
    loss = RIGHT(self, y, work, weights, mixing)
    work.gradients[-1][:] /= 2
    return loss / 2


def unweighted(self: Network, y: Indices, work: Workspace, weights: Vector, mixing: float) -> float:
    return RIGHT(self, y, work, None, mixing)


def unweighted_probabilities(
    self: Network, y: Indices, work: Workspace, weights: Vector, mixing: float
) -> float:
    """P − Y where s P − Y is meant."""
    loss = RIGHT(self, y, work, weights, mixing)
    work.gradients[-1][:] += (
        (1 - weights[:, None]) * (work.gradients[-1] + work.targets) / (weights[:, None])
    )
    return loss


def smoothed_twice(
    self: Network, y: Indices, work: Workspace, weights: Vector, mixing: float
) -> float:
    work.class_targets[:] = 0.8 * work.class_targets + 0.2 / len(work.class_targets)
    return RIGHT(self, y, work, weights, mixing)


def weights_of_other_samples(
    self: Network, y: Indices, work: Workspace, weights: Vector, mixing: float
) -> float:
    return RIGHT(self, y, work, np.roll(weights, 1), mixing)


def mixed_the_other_way_round(
    self: Network, y: Indices, work: Workspace, weights: Vector, mixing: float
) -> float:
    return RIGHT(self, y, work, weights, 1 - mixing)


def unmixed(self: Network, y: Indices, work: Workspace, weights: Vector, mixing: float) -> float:
    return RIGHT(self, y, work, weights)


@pytest.mark.parametrize(
    "fault",
    [
        mixed_the_other_way_round,
        unmixed,
        halved,
        unweighted,
        unweighted_probabilities,
        smoothed_twice,
        weights_of_other_samples,
    ],
)
def test_a_wrong_loss_is_caught(monkeypatch: Patch, fault: Callable[..., float]):
    monkeypatch.setattr(Network, "loss", fault)
    assert caught(check(PROBLEM, **DATA))


# ── Faults of the fused step, which only shows when the gradient goes into θ ───────────────────


def backward_too_late(self: Network, work: Workspace, into: Into) -> None:
    """As in production, but dA is computed after W was overwritten."""
    for layer, (W, _) in reversed(list(enumerate(self.layers))):
        A, dZ = work.inputs[layer], work.gradients[layer]
        gemm(into.alpha, A.T, dZ, into.beta, into.parameters.weights[layer])
        b = into.parameters.biases[layer][None, :]
        gemm(into.alpha, work.ones, dZ, into.beta_biases, b)
        if layer > 0:
            dA = work.gradients[layer - 1]
            gemm(1, dZ, W.T, 0, dA)
            if A is not work.outputs[layer - 1]:
                np.multiply(dA, work.masks[layer], out=dA)
            apply(ACTIVATIONS[self.activations[layer - 1]][1], dA, work.outputs[layer - 1])


def fused_error() -> float:
    """The gradient read back from a step of SGD into θ, held against the complex step.

    θ' = θ − η (gradient + λ θ), so (θ − θ')/η is what the step believed. With η = 1 the
    subtraction costs few digits.
    """
    case = Case(PROBLEM, **DATA)
    theta = case.network.parameters.vector
    numeric = case.complex_step(np.arange(theta.size))
    before = theta.copy()
    optimizer = Optimizer(case.network.parameters, "sgd", weight_decay=PROBLEM.weight_decay)
    case._forward()
    case.network.loss(case.y, case.work, case.weights, case.mixing)
    case.network.backward(case.work, optimizer.into(1.0, case._scale))
    optimizer.step(1.0)
    believed = before - theta
    return float(np.linalg.norm(believed - numeric) / np.linalg.norm(numeric))


def test_the_fused_step_believes_the_right_gradient():
    assert fused_error() < 1e-14 * sqrt(100)


def test_dA_after_W_was_overwritten_is_right_for_a_stored_gradient_and_caught_in_the_fused_step(
    monkeypatch: Patch,
):
    monkeypatch.setattr(Network, "backward", backward_too_late)
    assert check(PROBLEM, **DATA).passed
    assert fused_error() > 1e-3


def test_faults_are_caught_in_the_fused_step_too(monkeypatch: Patch):
    found = {}
    for fault in FAULTS:
        plant(monkeypatch, fault)
        found[fault.__name__] = fused_error()
    assert all(error > TOLERANCE for error in found.values()), found


# ── What the measure of error sees ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("factor", [1 + 3e-9, 1 - 3e-9, -1, 0, np.nan, np.inf])
def test_one_parameter_wrong_by_a_few_billionths_is_seen(factor: float):
    case = Case(PROBLEM, **DATA)
    numeric = case.complex_step(np.arange(case.gradient().size))
    largest = float(np.abs(numeric).max())
    assert relative_errors(case.gradient(), numeric, largest).max() <= TOLERANCE
    wrong = case.gradient()
    wrong[int(np.argmax(np.abs(numeric))) - 1] *= factor
    with np.errstate(invalid="ignore"):
        errors = relative_errors(wrong, numeric, largest)
    assert errors.max() > TOLERANCE


def test_a_gradient_of_nothing_but_nan_is_caught(monkeypatch: Patch):
    monkeypatch.setattr(
        Case, "gradient", lambda self: np.full(self.network.parameters.vector.size, np.nan)
    )
    assert caught(check(PROBLEM, **DATA))
