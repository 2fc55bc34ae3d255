"""Diagnostics of a training: the right words where it is ill, none where it is healthy."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest

from handstitch import runs
from handstitch.arrays import Images, Labels
from handstitch.config import Config
from handstitch.core.parameters import Parameters
from handstitch.data import sketch
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import Scaling
from handstitch.errors import Interrupted
from handstitch.records import Diagnosis
from handstitch.training import Diagnostics, State, Trainer, initial_parameters
from tests.campaign import diagnoses
from tests.campaign.diagnoses import RIGHT, Model, is_right, words

SMALL = {"hidden_sizes": (16,), "receptive_field": (), "batch_size": 32, "epochs": 4, "threads": 1}


@cache
def drawn() -> tuple[Images, Labels]:
    return sketch.draw(1_000, 0)


def recipe(**settings: object) -> Config:
    return Config(**(SMALL | {"backend": "numpy"} | settings))  # type: ignore[arg-type]


def start(config: Config, **changes: object) -> Model:
    """Drawn weights to start from, of pixels around 0."""
    theta = initial_parameters(config, (784, *config.hidden_sizes, 10))
    names = tuple(map(str, range(10)))
    model = Model(theta, config.activations, names, (28, 28), Scaling(128.0, 1 / 128))
    return replace(model, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [0, 3, 7])  # both backends
@pytest.mark.parametrize("training", RIGHT)
def test_the_first_word_is_right(training: str, seed: int) -> None:
    config = diagnoses.recipe(seed, batch_size=32, epochs=4)
    said = words(diagnoses.trainer(training, config, *drawn()))
    assert is_right(training, said), said


def test_a_wrong_word_would_be_seen() -> None:
    assert not is_right("healthy", ["labels"])
    assert not is_right("shuffled labels", [])
    assert not is_right("rate × 100", ["dead units", "learning rate"])


def found(config: Config, dataset: Dataset, **others: object) -> list[Diagnosis]:
    trainer, diagnostics = Trainer(config, dataset, **others), Diagnostics()  # type: ignore[arg-type]
    trainer.fit(diagnostics.after_step, [diagnostics])
    return trainer.state.diagnoses


def biased(config: Config, bias: float) -> Parameters:
    theta = start(config).parameters
    theta.biases[0][:] = bias
    return theta


@pytest.mark.parametrize(
    ("activation", "kind"),
    [("relu", "dead units"), ("tanh", "saturation"), ("sigmoid", "saturation")],
)
def test_units_that_cannot_learn_are_named_with_their_layer(activation: str, kind: str) -> None:
    config = recipe(activation=(activation,), epochs=1, hidden_sizes=(16, 8))
    model = start(config, parameters=biased(config, -1e4))
    one, *_ = found(config, Dataset.from_arrays(*drawn()), start_from=model)
    assert (one.kind, one.layer, one.value) == (kind, 1, 1.0)


def test_leaky_units_are_never_dead() -> None:
    config = recipe(activation=("leaky_relu",), epochs=1)
    model = start(config, parameters=biased(config, -100))
    kinds = [one.kind for one in found(config, Dataset.from_arrays(*drawn()), start_from=model)]
    assert set(kinds) <= {"first loss"}


def test_a_first_loss_far_above_guessing_is_named() -> None:
    config = recipe(epochs=1)
    theta = start(config).parameters
    theta.vector *= 30
    one, *_ = found(
        config, Dataset.from_arrays(*drawn()), start_from=start(config, parameters=theta)
    )
    assert (one.kind, one.epoch) == ("first loss", 0)
    assert one.value > 100
    assert one.usual == pytest.approx(np.log(10))


def test_without_validation_shuffled_labels_are_seen_in_the_training_loss() -> None:
    images, labels = drawn()
    data = Dataset.from_arrays(images, np.random.default_rng(0).permutation(labels))
    config = recipe(validation=0, hidden_sizes=(64,), batch_size=16, epochs=2)
    assert [one.kind for one in found(config, data)] == ["no learning"]
    assert found(config, Dataset.from_arrays(*drawn())) == []


def test_validation_labels_of_other_images_are_told_from_a_training_that_fails() -> None:
    images, labels = drawn()
    own = Dataset.from_arrays(images, np.random.default_rng(0).permutation(labels))
    one, *more = found(recipe(), Dataset.from_arrays(*drawn()), validation=own)
    assert (one.kind, more) == ("labels", [])
    assert abs(one.value - one.usual) < 0.05


def test_balanced_weights_of_rare_classes_are_no_illness() -> None:
    images, labels = drawn()
    rare = np.flatnonzero((labels != 3) | (np.arange(len(labels)) % 10 == 0))
    chosen = rare[np.isin(labels[rare], [3, 7])]
    data = Dataset.from_arrays(images[chosen], labels[chosen])
    config = recipe(class_weight=("balanced",), epochs=30, batch_size=16)
    assert found(config, data) == []


def test_a_rate_that_is_too_low_is_told_from_wrong_labels() -> None:
    config = recipe(learning_rate=1e-9)
    one, *_ = found(config, Dataset.from_arrays(*drawn()))
    assert one.kind == "no learning"
    assert one.words.endswith("the learning rate is too low: try learning_rate=1e-08")


@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_no_bit_of_the_training_is_changed(backend: str) -> None:
    config = recipe(backend=backend, epochs=1, batch_size=64, dropout=0.2, receptive_field=(5, 13))
    plain, watched = (Trainer(config, Dataset.from_arrays(*drawn())) for _ in range(2))
    plain.fit()
    diagnostics = Diagnostics()
    watched.fit(diagnostics.after_step, [diagnostics])
    arrays = plain.state.arrays()
    assert {name: vector.tobytes() for name, vector in watched.state.arrays().items()} == {
        name: vector.tobytes() for name, vector in arrays.items()
    }
    assert plain.state.position() == watched.state.position()


@pytest.mark.parametrize("steps", [4, 7])  # before a measured step, and after it
def test_a_resumed_run_says_the_same(
    tmp_path, caplog: pytest.LogCaptureFixture, steps: int
) -> None:
    config = recipe(learning_rate=0.3, epochs=2, batch_size=256)
    data = Dataset.from_arrays(*drawn())
    whole = runs.train(config, data, tmp_path / "whole").summary()
    assert [one.kind for one in whole.diagnoses] == ["learning rate"]
    stopped = runs.create(config, data, tmp_path / "stopped")

    def stop(state: State) -> None:
        if state.optimizer.steps == steps:
            stopped.stop_asked = 2

    with stopped, pytest.raises(Interrupted):
        list(stopped.train(stop))
    said = [record for record in caplog.records if "too high" in record.getMessage()]
    caplog.clear()
    resumed = runs.resume(tmp_path / "stopped", data)
    assert resumed.summary().diagnoses == whole.diagnoses
    again = [record for record in caplog.records if "too high" in record.getMessage()]
    assert len(said) + len(again) == 2  # once in each run
    assert all(record.levelno == logging.WARNING for record in said + again)


def test_a_damaged_diagnosis_in_a_state_is_refused() -> None:
    state = Trainer(recipe(), Dataset.from_arrays(*drawn())).state
    batches = Trainer(recipe(), Dataset.from_arrays(*drawn())).batches
    sound = Diagnosis(kind="labels", epoch=1, layer=0, value=0.1, usual=0.1, words="words")
    good = msgspec.to_builtins([sound])
    position = state.position() | {"diagnoses": good}
    state.restore(state.arrays(), position, [], batches)
    assert state.diagnoses == [sound]
    for bad in ("text", [{"kind": "labels"}], [good[0] | {"kind": "other"}]):
        with pytest.raises(ValueError, match="diagnoses"):
            state.restore(state.arrays(), position | {"diagnoses": bad}, [], batches)
