"""Local receptive fields in the numba backend, against the numpy backend and the dense products."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from handstitch import machine
from handstitch.compiled.classifier import CompiledClassifier
from handstitch.compiled.step import NumbaBackend
from handstitch.core.network import Network
from handstitch.core.optimizers import Hyperparameters, Optimizer
from handstitch.core.parameters import Parameters
from handstitch.core.update_rules import OPTIMIZERS
from handstitch.data.batches import Batches
from handstitch.data.scaling import Scaling
from handstitch.evaluation import Evaluator
from handstitch.randomness import Purpose, generator
from handstitch.receptive_fields import ReceptiveFields
from handstitch.training.backend import NumpyBackend

CLASSES, STEPS = 4, 6
BASE: dict[str, Any] = {
    "shape": (12, 9),
    "hidden": (40, 21),
    "sides": (2, 5),
    "batch": 33,
    "rule": "adamw",
    "options": {},
    "dropout": 0.0,
    "input_dropout": 0.0,
    "scaling": Scaling(0.0, 1 / 256),
    "threads": 2,
}
CHOICES: list[dict[str, Any]] = [
    *({"rule": rule} for rule in OPTIMIZERS),
    *({"rule": rule, "options": {"weight_decay": 0.02}} for rule in OPTIMIZERS),
    {"rule": "sgd", "options": {"weight_decay": 0.02, "decay_biases": True}},
    {"rule": "sgd", "options": {"clip_norm": 0.05}},
    {"rule": "adam", "options": {"clip_norm": 0.05, "weight_decay": 0.02, "decay_biases": True}},
    {"dropout": 0.3},
    {"input_dropout": 0.2},
    {"dropout": 0.5, "input_dropout": 0.3, "rule": "sgd"},
    {"scaling": Scaling(73.2, 1 / 90.0)},
    {"scaling": Scaling(73.2, 1 / 90.0), "rule": "sgd", "dropout": 0.1},
    {"sides": (1, 1)},
    {"sides": (9, 9), "shape": (9, 9)},  # the whole image
    {"shape": (7, 8, 3)},
    {"shape": (7, 8, 3), "sides": (7, 7), "hidden": (17,)},
    {"shape": (28, 28), "sides": (5, 13), "hidden": (100, 30), "batch": 256},
    {"hidden": (1, 1)},
    {"hidden": (15, 5)},
    {"hidden": (64, 16)},
    {"hidden": (131, 20, 7)},
    {"batch": 1},
    {"batch": 7},
    {"batch": 64},
    {"batch": 256},
    {"batch": 161, "rule": "sgd", "options": {"weight_decay": 0.02}},
    {"threads": 1},
    {"threads": 5},
]


def make_run(backend: Any = NumbaBackend, **choice: Any) -> dict[str, Any]:
    """A backend, and what it trains, before the first step."""
    chosen = BASE | choice
    shape, rng = chosen["shape"], np.random.Generator(np.random.Philox(4))
    sizes = (int(np.prod(shape)), *chosen["hidden"], CLASSES)
    images = rng.integers(0, 256, (300, *shape)).astype(np.uint8)
    images[rng.random(images.shape) < 0.4] = 0
    fields = ReceptiveFields.draw(shape, sizes[1], chosen["sides"], rng)
    parameters = Parameters.random(sizes, rng, mask=fields.mask)
    network = Network(
        parameters,
        ("relu",) * len(chosen["hidden"]),
        chosen["dropout"],
        chosen["input_dropout"],
        fields,
    )
    optimizer = Optimizer(
        parameters, chosen["rule"], **chosen["options"], constants=Hyperparameters(epsilon=1e-4)
    )
    labels = rng.integers(0, CLASSES, len(images)).astype(np.uint8)
    batches = Batches(
        images.reshape(len(images), -1), labels, np.arange(300), chosen["scaling"], chosen["batch"]
    )
    more = (chosen["threads"],) if backend is NumbaBackend else ()
    return {
        "network": network,
        "optimizer": optimizer,
        "images": images,
        "labels": labels,
        "backend": backend(network, optimizer, batches, *more),
        "batch": chosen["batch"],
        "scaling": chosen["scaling"],
    }


def train(run: dict[str, Any], first: int = 0, stop: int = STEPS) -> list[tuple[float, int]]:
    """These steps, the last of them on an incomplete batch: losses and correct samples."""
    outcomes = []
    with machine.blas_threads(1), run["backend"].threads():
        for step in range(first, stop):
            rng = np.random.Generator(np.random.Philox(step))
            count = max(1, run["batch"] - 5) if step == STEPS - 1 else run["batch"]
            indices = rng.permutation(300)[:count].astype(np.intp)
            dropout = generator(0, Purpose.DROPOUT, step)
            outcomes.append(run["backend"].train_batch(indices, 0.002, 1 / count, np.inf, dropout))
    return outcomes


def vectors(run: dict[str, Any]) -> dict[str, Any]:
    slots = {name: slot.vector for name, slot in run["optimizer"].slots.items()}
    return {"theta": run["network"].parameters.vector, **slots}


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_steps_are_those_of_the_numpy_backend(choice: dict[str, Any]):
    run, wanted = make_run(**choice), make_run(NumpyBackend, **choice)
    before = run["network"].parameters.copy().vector
    for (loss, correct), (wanted_loss, right) in zip(train(run), train(wanted), strict=True):
        assert loss == pytest.approx(wanted_loss, rel=2e-4, abs=1e-4)
        assert abs(correct - right) <= 1
    found, expected = vectors(run), vectors(wanted)
    moved = np.abs(expected["theta"] - before).max()
    assert moved > 0
    assert np.abs(found["theta"] - expected["theta"]).max() <= 2e-3 * moved + 1e-7
    for name in found.keys() - {"theta"}:
        largest = np.abs(expected[name]).max()
        assert np.abs(found[name] - expected[name]).max() <= 2e-3 * largest + 1e-9
    outside = run["network"].receptive_fields.mask == 0
    for vector in found.values():
        first_layer = vector[: outside.size].reshape(outside.shape)
        assert not first_layer[outside].any()
