"""The numba backend against the numpy backend, for every choice of settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from handstitch import machine
from handstitch.compiled.step import NumbaBackend
from handstitch.config import Config
from handstitch.config.schema import DEFAULT_LEARNING_RATES
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.network import Network
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import Parameters
from handstitch.core.update_rules import OPTIMIZERS
from handstitch.data import loading
from handstitch.data.batches import Batches
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import Scaling
from handstitch.model.inference import compiled
from handstitch.randomness import Purpose, generator
from handstitch.training import Trainer, initial_parameters, schedules
from handstitch.training.backend import NumpyBackend, choose_backend

BASE = Config.preset(
    "plain", dataset="sketch", hidden_sizes=(40, 24), batch_size=50, epochs=1, threads=2
)
RATES = {"sgd": 0.05, "momentum": 0.02, "nesterov": 0.02}
CHOICES: list[dict[str, Any]] = [
    *({"activation": (name,)} for name in ACTIVATIONS),
    {"activation": ("tanh", "relu")},
    *({"optimizer": name} for name in OPTIMIZERS),
    *({"optimizer": name, "weight_decay": 0.01} for name in OPTIMIZERS),
    *({"optimizer": name, "weight_decay": 0.01, "decoupled": True} for name in ("sgd", "momentum")),
    {"weight_decay": 0.01, "decay_biases": True},
    {"optimizer": "adam", "weight_decay": 0.01, "decay_biases": True},
    {"clip_norm": 0.5},
    {"optimizer": "adam", "clip_norm": 0.1, "weight_decay": 0.01},
    {"clip_norm": 1e6},
    {"reduction": "sum", "learning_rate": 0.001},
    {"scaling": "standard"},
    {"label_smoothing": 0.1},
    {"class_weight": "balanced"},
    {"class_weight": "balanced", "label_smoothing": 0.3, "reduction": "sum", "dropout": 0.2},
    {"dropout": 0.3},
    {"input_dropout": 0.2},
    {"dropout": 0.5, "input_dropout": 0.1, "optimizer": "adam", "activation": ("elu",)},
    {"dropout": 0.3, "activation": ("sigmoid",), "weight_decay": 0.02},
    {"hidden_sizes": (30,)},
    {"hidden_sizes": (33, 17, 21, 5), "dropout": 0.1},
    {"hidden_sizes": (1, 1)},
    {"batch_size": 1},
    {"batch_size": 7, "threads": 3},
    {"hidden_sizes": (200, 129), "batch_size": 130},
    {"hidden_sizes": (130, 64), "batch_size": 64, "scaling": "standard", "dropout": 0.2},
    {"scaling": "standard", "input_dropout": 0.2},
    {"threads": 1},
    {"threads": 5},
]


@pytest.fixture(scope="module")
def pictures() -> Dataset:
    whole = loading.load("sketch", "train")
    return replace(whole, images=whole.images[:420], labels=whole.labels[:420])


def run_training(config: Config, pictures: Dataset, count: int = 12) -> dict[str, Any]:
    """`count` steps of a run: their losses and correct samples, and θ and slots after them."""
    trainer = Trainer(config, pictures)
    state, batches = trainer.state, trainer.batches
    backend = choose_backend(config, state.network, state.optimizer, batches)
    outcomes = []
    with machine.blas_threads(1), backend.threads():
        for number in range(count):
            order = batches.epoch_order(0, number // len(batches))
            indices = batches.batch(order, number % len(batches))
            rng = generator(0, Purpose.DROPOUT, number)
            rate = schedules.learning_rate(config, number, len(batches), [])
            scale = 1 / len(indices) if config.reduction == "mean" else 1.0
            outcomes.append(backend.train_batch(indices, rate, scale, np.inf, rng))
    slots = {name: slot.vector for name, slot in state.optimizer.slots.items()}
    theta = state.network.parameters
    return {
        "backend": backend,
        "outcomes": outcomes,
        "theta": theta,
        "slots": slots,
        "state": state,
    }


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_steps_are_those_of_the_numpy_backend(pictures: Dataset, choice: dict[str, Any]):
    rate = {"learning_rate": RATES.get(choice.get("optimizer", "sgd"), 0.001)}
    config = replace(BASE, **(rate | choice))
    compiled_run = run_training(replace(config, backend="numba"), pictures)
    numpy_run = run_training(replace(config, backend="numpy"), pictures)
    assert isinstance(compiled_run["backend"], NumbaBackend)
    assert isinstance(numpy_run["backend"], NumpyBackend)
    for (loss, correct), (wanted, right) in zip(
        compiled_run["outcomes"], numpy_run["outcomes"], strict=True
    ):
        assert loss == pytest.approx(wanted, rel=2e-4, abs=1e-4)
        assert abs(correct - right) <= 1  # two logits may be equal but for the last bit
    initial = initial_parameters(config, compiled_run["theta"].sizes)
    for part in ("weights", "biases"):
        layers = zip(
            getattr(compiled_run["theta"], part),
            getattr(numpy_run["theta"], part),
            getattr(initial, part),
            strict=True,
        )
        for found, wanted, before in layers:
            moved = np.abs(wanted - before).max()
            assert np.abs(found - wanted).max() <= 2e-3 * moved + 1e-7
    for name, slot in compiled_run["slots"].items():
        wanted = numpy_run["slots"][name]
        assert np.abs(slot - wanted).max() <= 2e-3 * np.abs(wanted).max() + 1e-9
    assert compiled_run["state"].optimizer.steps == numpy_run["state"].optimizer.steps == 12


@pytest.mark.parametrize("name", ["numba", "numpy"])
@pytest.mark.parametrize("scaling", ["256", "standard"])
def test_without_a_random_stream_nothing_is_dropped(pictures: Dataset, name: Any, scaling: Any):
    def train(**dropout: Any) -> tuple[list[tuple[float, int]], Any]:
        trainer = Trainer(replace(BASE, backend=name, scaling=scaling, **dropout), pictures)
        batches, state = trainer.batches, trainer.state
        backend = choose_backend(trainer.config, state.network, state.optimizer, batches)
        with machine.blas_threads(1), backend.threads():
            order = batches.epoch_order(0, 0)
            outcomes = [
                backend.train_batch(batches.batch(order, number), 0.05, 0.02, np.inf, None)
                for number in range(5)
            ]
        return outcomes, state.network.parameters.vector

    wanted, theta = train()
    for dropout in ({"dropout": 0.5}, {"input_dropout": 0.5}):
        outcomes, found = train(**dropout)
        np.testing.assert_allclose(outcomes, wanted, rtol=1e-5)
        np.testing.assert_allclose(found, theta, atol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_losses_of_ninety_steps_are_those_of_the_numpy_backend(pictures: Dataset, optimizer: Any):
    # RMSProp makes a whole step of a gradient that is nothing but rounding, which differs.
    rate = DEFAULT_LEARNING_RATES[optimizer] * (0.25 if optimizer == "rmsprop" else 1)
    config = replace(BASE, optimizer=optimizer, activation=("relu", "tanh"), learning_rate=rate)
    compiled_run, numpy_run = (
        run_training(replace(config, backend=name), pictures, 90)["outcomes"]
        for name in ("numba", "numpy")
    )
    losses, wanted = ([loss for loss, _ in run] for run in (compiled_run, numpy_run))
    np.testing.assert_allclose(losses, wanted, rtol=1e-3)
    assert wanted[-1] < wanted[0] / 2


@pytest.mark.parametrize("name", ["numba", "numpy"])
def test_a_loss_above_the_limit_changes_nothing(pictures: Dataset, name: Any):
    config = replace(BASE, backend=name, optimizer="adam")
    trainer = Trainer(config, pictures)
    state, batches = trainer.state, trainer.batches
    backend = choose_backend(config, state.network, state.optimizer, batches)
    before = state.network.parameters.vector.copy()
    indices = batches.batch(batches.epoch_order(0, 0), 0)
    with backend.threads():
        loss, _ = backend.train_batch(indices, 0.1, 1.0, 1e-3, None)
        assert loss > 1e-3
        # A pixel that is not 0: the weights of one that is are never read.
        lit = int(np.flatnonzero(batches.images[indices[0]])[0])
        kept = state.network.parameters.weights[0][lit, 0]
        state.network.parameters.weights[0][lit, 0] = np.nan
        loss, _ = backend.train_batch(indices, 0.1, 1.0, np.inf, None)
        assert np.isnan(loss)
        state.network.parameters.weights[0][lit, 0] = kept
    assert np.array_equal(state.network.parameters.vector, before)
    assert state.optimizer.steps == 0
    assert not any(slot.vector.any() for slot in state.optimizer.slots.values())


@pytest.mark.parametrize(
    "choice",
    [
        {"optimizer": "adam", "dropout": 0.2, "clip_norm": 0.1},
        {"hidden_sizes": (300, 70), "batch_size": 130, "scaling": "standard"},
    ],
    ids=str,
)
def test_threads_change_no_bit(
    pictures: Dataset, monkeypatch: pytest.MonkeyPatch, choice: dict[str, Any]
):
    import numba

    def bits(threads: int) -> tuple[Any, ...]:
        values: dict[str, Any] = {"backend": "numba", "threads": threads} | choice
        config = replace(BASE, **values)
        found = run_training(config, pictures)
        validated = found["backend"].validate(pictures.images[:50], pictures.labels[:50])
        return found["theta"].vector.tobytes(), found["outcomes"], validated

    both = bits(2)
    assert bits(1) == both
    assert bits(5) == both
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 1)
    assert bits(2) == both


def test_the_threads_of_others_are_put_back(pictures: Dataset):
    import numba

    config = replace(BASE, backend="numba", threads=1)
    trainer = Trainer(config, pictures)
    state, batches = trainer.state, trainer.batches
    backend = choose_backend(config, state.network, state.optimizer, batches)
    before = numba.get_num_threads()
    with backend.threads():
        assert numba.get_num_threads() == 1
    assert numba.get_num_threads() == before


def test_compiling_ahead_is_all_that_training_needs(
    pictures: Dataset, monkeypatch: pytest.MonkeyPatch
):
    """Compiling ahead uses the types of real runs: nothing is compiled again."""
    from handstitch.compiled import __main__ as ahead
    from handstitch.compiled import inference, network, optimizers

    entries = (
        network.forward_backward,
        optimizers.update,
        inference.classify_one,
        inference.classify_many,
        inference.loss_and_correct,
    )
    ahead.main()
    types = [set(function.signatures) for function in entries]
    image = pictures.images[0].copy()
    image.flags.writeable = False
    choices: list[dict[str, Any]] = [{"optimizer": "sgd"}, {"optimizer": "adam", "clip_norm": 0.5}]
    for choice in choices:
        config = replace(BASE, backend="numba", epochs=1, **choice)
        trainer = Trainer(config, pictures)
        trainer.fit()
        classify = compiled(trainer.state.network, trainer.scaling)
        classify(image)
        classify(pictures.images)
    assert [set(function.signatures) for function in entries] == types
    # Other tests may have compiled for features, or for bfloat16, whose pairs are uint32.
    for each in types:
        words = [str(one) for one in each]
        of_pixels = [one for one in words if "uint8" in one and "uint32" not in one]
        assert len(of_pixels or words) == 1


@pytest.mark.parametrize(
    ("indices", "labels", "pixels", "weights"),
    [
        ([0, 20], [0] * 20, 12, None),
        ([0, -1], [0] * 20, 12, None),
        ([], [0] * 20, 12, None),
        ([0] * 6, [0] * 20, 12, None),
        ([0, 1], [3] * 20, 12, None),
        ([0, 1], [-1] * 20, 12, None),
        ([0, 19], [0] * 19, 12, None),
        ([0, 1], [0] * 20, 11, None),
        ([0, 1], [0] * 20, 13, None),
        ([0, 1], [0] * 20, 12, np.ones(19, np.float32)),
    ],
)
def test_what_leads_outside_of_the_arrays_is_refused(
    indices: list[int], labels: list[int], pixels: int, weights: Any
):
    images = np.zeros((20, pixels), np.uint8)
    parameters = Parameters.random((12, 5, 3), np.random.Generator(np.random.Philox(0)))
    network = Network(parameters, ("relu",))
    scaling = Scaling(0.0, 1 / 256)
    batches = Batches(images, np.array(labels), np.arange(5), scaling, 5, weights=weights)
    backend = NumbaBackend(network, Optimizer(parameters, "sgd"), batches, threads=2)
    before = parameters.vector.copy()
    with backend.threads(), pytest.raises(IndexError):
        backend.train_batch(np.array(indices, np.intp), 0.1, 1.0, np.inf, None)
    np.testing.assert_array_equal(parameters.vector, before)
