"""Held against PyTorch in float64: gradients by its autograd, optimizers step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch.arrays import Matrix, Vector
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.network import Into, Network, Workspace
from handstitch.core.optimizers import Hyperparameters, Optimizer
from handstitch.core.parameters import Parameters

pytestmark = pytest.mark.oracle

REPORT = (784, 512, 256, 10)
SMALL = (20, 16, 12, 5)
STEPS = 100


@pytest.fixture(scope="module")
def torch() -> Any:
    found = pytest.importorskip("torch", reason="PyTorch is not here; make oracle installs it")
    found.set_num_threads(1)
    return found


def started(sizes: tuple[int, ...], activations: tuple[str, ...]) -> Network:
    rng = np.random.default_rng(0)
    parameters = Parameters.random(sizes, rng, dtype=np.float64)
    for b in parameters.biases:
        b[:] = 0.1 * rng.standard_normal(b.shape)
    return Network(parameters, activations)


def batch(sizes: tuple[int, ...], n: int) -> tuple[Matrix, Any]:
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, sizes[0])), rng.integers(0, sizes[-1], n).astype(np.uint8)


class Twin:
    """The same network in PyTorch, from the same numbers."""

    def __init__(self, torch: Any, network: Network) -> None:
        self.torch = torch
        functional = torch.nn.functional
        # The same names; the slope of leaky_relu is 0.01 unless told.
        self.functions = [getattr(functional, name) for name in network.activations]
        self.weights, self.biases = (
            [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in arrays]
            for arrays in (network.parameters.weights, network.parameters.biases)
        )

    def loss(self, X: Matrix, y: Any, reduction: str, **options: Any) -> Any:
        A = self.torch.tensor(X)
        for layer, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            A = A @ W + b
            if layer < len(self.functions):
                A = self.functions[layer](A)
        targets = self.torch.tensor(y.astype(np.int64))
        given = {
            name: self.torch.tensor(value) if name == "weight" else value
            for name, value in options.items()
        }
        return self.torch.nn.functional.cross_entropy(A, targets, reduction=reduction, **given)

    def flat(self, gradients: bool = False) -> Vector:
        parts = [each.grad if gradients else each.detach() for each in self.weights + self.biases]
        return np.concatenate([part.numpy().ravel() for part in parts])


def relative(ours: Vector, theirs: Vector) -> float:
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize(
    "activations", [*[(name, name) for name in ACTIVATIONS], ("tanh", "leaky_relu")]
)
def test_the_gradient_of_all_535818_parameters(
    torch: Any, activations: tuple[str, ...], reduction: str
):
    network = started(REPORT, activations)
    n = 64
    X, y = batch(REPORT, n)
    scale = 1 / n if reduction == "mean" else 1
    work, G = Workspace(network, n), network.parameters.zeros_like()
    network.forward(X, work)
    loss = network.loss(y, work) * scale
    network.backward(work, Into(G, scale, 0, 0))

    twin = Twin(torch, network)
    theirs = twin.loss(X, y, reduction)
    theirs.backward()
    assert G.vector.size == 535_818
    assert abs(loss - theirs.item()) <= 1e-13 * theirs.item()
    error = relative(G.vector, twin.flat(gradients=True))
    assert error <= 1e-12


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize(
    "options", [{"label_smoothing": 0.1}, {"weight": np.array([1.0, 0.2, 5, 0.7, 3])}], ids=str
)
def test_class_weights_and_label_smoothing(torch: Any, options: dict[str, Any], reduction: str):
    """CrossEntropyLoss(weight=, label_smoothing=): a weighted mean divides by Σ weights, too.

    Apart: with both, PyTorch's weights are those of the smoothed targets' classes, ours those of
    the sample.
    """
    network, n = started(SMALL, ("tanh", "sigmoid")), 64
    X, y = batch(SMALL, n)
    weights = options["weight"][y] if "weight" in options else None
    total = n if weights is None else weights.sum()
    scale = 1 / total if reduction == "mean" else 1
    work = Workspace(network, n, smoothing=options.get("label_smoothing", 0.0))
    G = network.parameters.zeros_like()
    network.forward(X, work)
    loss = network.loss(y, work, weights) * scale
    network.backward(work, Into(G, scale, 0, 0))
    twin = Twin(torch, network)
    theirs = twin.loss(X, y, reduction, **options)
    theirs.backward()
    assert abs(loss - theirs.item()) <= 1e-13 * theirs.item()
    assert relative(G.vector, twin.flat(gradients=True)) <= 1e-12


CONSTANTS = Hyperparameters(momentum=0.9, beta1=0.85, beta2=0.98, epsilon=1e-7)


def theirs_for(torch: Any, rule: str, groups: list[dict[str, Any]], rate: float) -> Any:
    optim, h = torch.optim, CONSTANTS
    betas = {"betas": (h.beta1, h.beta2), "eps": h.epsilon}
    return {
        "sgd": lambda: optim.SGD(groups, lr=rate),
        "momentum": lambda: optim.SGD(groups, lr=rate, momentum=h.momentum),
        "nesterov": lambda: optim.SGD(groups, lr=rate, momentum=h.momentum, nesterov=True),
        "rmsprop": lambda: optim.RMSprop(groups, lr=rate, alpha=h.beta2, eps=h.epsilon),
        "adam": lambda: optim.Adam(groups, lr=rate, **betas),
        "adamw": lambda: optim.AdamW(groups, lr=rate, **betas),
    }[rule]()


def clip(torch: Any, twin: Twin, longest: float) -> bool:
    """clip_grad_norm_, whose bound is divided by the norm plus 1e-6: given a bound that undoes it.

    Says whether the gradient was longer than allowed.
    """
    parameters = twin.weights + twin.biases
    norm = torch.nn.utils.get_total_norm([each.grad for each in parameters]).item()
    torch.nn.utils.clip_grad_norm_(parameters, longest * (norm + 1e-6) / norm)
    return bool(norm > longest)


RATES = {"rmsprop": 0.002, "adam": 0.01, "adamw": 0.01}


@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
@pytest.mark.parametrize(
    ("weight_decay", "decay_biases"), [(0, False), (0.02, False), (0.02, True)]
)
@pytest.mark.parametrize("rule", ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"])
def test_a_hundred_steps(
    torch: Any,
    rule: str,
    weight_decay: float,
    decay_biases: bool,
    clip_norm: float,
):
    """Decay coupled for all but AdamW, decoupled for that, as PyTorch defines them.

    The activations are smooth: at a kink a rounding error may decide between two gradients.
    """
    network = started(SMALL, ("tanh", "sigmoid"))
    n, rate = 30, RATES.get(rule, 0.05)
    X, y = batch(SMALL, n)
    twin = Twin(torch, network)
    groups = [
        {"params": twin.weights, "weight_decay": weight_decay},
        {"params": twin.biases, "weight_decay": weight_decay if decay_biases else 0.0},
    ]
    their = theirs_for(torch, rule, groups, rate)
    our = Optimizer(
        network.parameters,
        rule,
        weight_decay=weight_decay,
        decay_biases=decay_biases,
        clip_norm=clip_norm,
        constants=CONSTANTS,
    )
    before, work, clipped = network.parameters.vector.copy(), Workspace(network, n), 0
    for _ in range(STEPS):
        network.forward(X, work)
        network.loss(y, work)
        network.backward(work, our.into(rate, 1 / n))
        our.step(rate)
        their.zero_grad()
        twin.loss(X, y, "mean").backward()
        if clip_norm:
            clipped += clip(torch, twin, clip_norm)
        their.step()
    assert relative(network.parameters.vector, before) > 0.01  # they went somewhere
    assert bool(clipped) == bool(clip_norm)
    error = relative(network.parameters.vector, twin.flat())
    assert error <= 1e-9
