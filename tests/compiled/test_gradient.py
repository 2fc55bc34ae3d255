"""The numba backend's gradient against core's own, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch.config import Config
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.network import Into, Network, Workspace
from handstitch.core.parameters import Parameters
from handstitch.data import loading
from handstitch.data.dataset import Dataset
from handstitch.training import Trainer
from handstitch.training.backend import choose_backend

NETWORKS = [
    *({"activation": (name,)} for name in ACTIVATIONS),
    {"hidden_sizes": (50,)},
    {"hidden_sizes": (64, 48, 32, 16), "activation": ("tanh", "relu", "elu", "sigmoid")},
    {"initialization": "xavier", "scaling": "standard"},
    {"threads": 4},
    {"label_smoothing": 0.1},
    {"class_weight": "balanced"},
    {"class_weight": "balanced", "label_smoothing": 0.3},
]


def make_data(kind: str) -> Dataset:
    """Pictures, grey or in colour with many classes, or features of which half are 0."""
    rng = np.random.default_rng(0)
    if kind == "grey":
        return loading.load("sketch", "test")
    if kind == "colour":
        images = rng.integers(0, 256, (600, 64, 64, 3), np.uint8)
        return Dataset.from_arrays(images, np.arange(600) % 300)
    features = rng.standard_normal((400, 130)) * (rng.random((400, 130)) < 0.5)
    return Dataset.from_arrays(features * 1000, np.arange(400) % 3)


@pytest.mark.parametrize(
    ("choice", "kind"),
    [*((choice, "grey") for choice in NETWORKS), *(({}, kind) for kind in ("colour", "features"))],
    ids=str,
)
def test_gradient_is_that_of_core_to_the_precision_of_float32(choice: dict[str, Any], kind: str):
    choice = {"scaling": "standard"} | choice if kind == "features" else choice
    values: dict[str, Any] = {"hidden_sizes": (64, 32), "threads": 2, "batch_size": 100} | choice
    # A rule with a memory keeps its gradient in an array; plain SGD never has one.
    config = Config.preset(
        "plain", dataset="sketch", optimizer="momentum", backend="numba", **values
    )
    trainer = Trainer(config, make_data(kind))
    state, batches = trainer.state, trainer.batches
    exact = Parameters(trainer.sizes, state.network.parameters.vector.astype(np.float64))
    exact.vector[exact.weight_count :] = 0.05  # biases that are felt
    state.network.parameters.vector[:] = exact.vector
    exact.vector[:] = state.network.parameters.vector
    mixing = 0.75 if config.label_smoothing else 1.0
    indices = batches.batch(batches.epoch_order(0, 0), 0)
    n = len(indices)

    backend = choose_backend(config, state.network, state.optimizer, batches)
    with backend.threads():
        loss, correct = backend.train_batch(indices, 1e-3, 1 / n, np.inf, None, mixing=mixing)

    network = Network(exact, config.activations)
    work = Workspace(network, n, smoothing=config.label_smoothing)
    weights = batches.gather_weights(indices)
    y = batches.gather(indices, work.X, None, mixing)
    network.forward(work.X, work)
    assert correct == network.count_correct(y, work)
    assert loss == pytest.approx(network.loss(y, work, weights, mixing), rel=1e-5)
    wanted = exact.zeros_like()
    network.backward(work, Into(wanted, 1 / n, 0.0, 0.0))

    found = state.optimizer.into(1e-3, 1 / n).parameters
    for part in ("weights", "biases"):
        for got, right in zip(getattr(found, part), getattr(wanted, part), strict=True):
            assert np.linalg.norm(got - right) <= 1e-5 * np.linalg.norm(right)
