"""A run that starts from a model: its weights, its scaling, and the same bits after a kill."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import handstitch as hs
from handstitch import runs, storage
from handstitch.errors import ConfigError, DataError, ModelFileError
from handstitch.insight import recover_initial_weights
from handstitch.model import load_model
from handstitch.records import RunSummary
from handstitch.runs.folder import BEST, CARD, LAST, START, STARTED_FROM, SUMMARY
from handstitch.training import Trainer, weights_digest

SETTINGS: dict[str, Any] = {"hidden_sizes": (12, 6), "batch_size": 16, "threads": 1}


def make_dataset(seed: int = 5, names: tuple[str, ...] = ("a", "b", "c")) -> hs.Dataset:
    rng = np.random.default_rng(seed)
    labels = np.arange(90) % len(names)
    images = rng.integers(0, 60, (90, 5, 4)) + 80 * (labels == 1)[:, None, None]
    images[labels == 2, :2] += 90
    return hs.Dataset.from_arrays(images.astype(np.uint8), labels, names)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a run on other images of the same classes."""
    folder = tmp_path / "first"
    hs.train(hs.Config(epochs=2, activation=("tanh",), **SETTINGS), make_dataset(), folder)
    return folder


def config(**others: Any) -> hs.Config:
    return hs.Config(**SETTINGS | {"activation": ("tanh",), "epochs": 2, "seed": 3} | others)


def test_the_first_weights_and_the_scaling_are_those_of_the_model(model: Path) -> None:
    start = load_model(model / BEST)
    trainer = Trainer(config(), make_dataset(seed=9), start_from=start)
    theta = trainer.state.network.parameters.vector
    assert np.array_equal(theta, start.parameters.vector)
    assert np.array_equal(trainer.state.best.vector, start.parameters.vector)
    assert trainer.scaling == start.scaling != Trainer(config(), make_dataset(seed=9)).scaling
    assert trainer.start is not None
    assert trainer.start.words == "all its layers are kept"
    before = start.parameters.vector.copy()
    trainer.fit()
    assert not np.array_equal(theta, before)
    assert np.array_equal(start.parameters.vector, before)  # it trains a copy


def test_its_first_validation_is_better_than_that_of_drawn_weights(tmp_path: Path) -> None:
    hs.train(config(epochs=10, seed=0), make_dataset(), tmp_path / "first")
    data, start = make_dataset(seed=9), load_model(tmp_path / "first" / BEST)
    (known,) = Trainer(config(epochs=1), data, start_from=start).fit()
    (drawn,) = Trainer(config(epochs=1), data).fit()
    assert known.train_loss < drawn.train_loss - 0.5
    assert known.val_loss is not None
    assert drawn.val_loss is not None
    assert known.val_loss < drawn.val_loss - 0.2


def test_units_follow_their_classes_into_another_order(model: Path) -> None:
    start = load_model(model / BEST)
    W, b = start.parameters.weights[-1], start.parameters.biases[-1]
    trainer = Trainer(config(), make_dataset(names=("c", "a", "b")), start_from=start)
    own = trainer.state.network.parameters
    assert np.array_equal(own.weights[-1], W[:, [2, 0, 1]])
    assert np.array_equal(own.biases[-1], b[[2, 0, 1]])
    assert np.array_equal(own.weights[0], start.parameters.weights[0])


@pytest.mark.parametrize("names", [("a", "b", "c", "d"), ("a", "b"), ("a", "b", "z")])
def test_of_other_classes_the_last_layer_is_drawn_anew(model: Path, names: tuple[str, ...]) -> None:
    start = load_model(model / BEST)
    trainer = Trainer(config(), make_dataset(names=names), start_from=start)
    own = trainer.state.network.parameters
    drawn = Trainer(config(), make_dataset(names=names)).state.network.parameters
    for layer in (0, 1):
        assert np.array_equal(own.weights[layer], start.parameters.weights[layer])
        assert np.array_equal(own.biases[layer], start.parameters.biases[layer])
    assert np.array_equal(own.weights[2], drawn.weights[2])
    assert not own.biases[2].any()
    assert trainer.start is not None
    assert trainer.start.words == (
        f"its 3 classes (a, b, c) are not the {len(names)} of the data ({', '.join(names[:3])}"
        + (" and 1 more" if len(names) > 3 else "")
        + "), so the last layer is drawn anew"
    )


def test_classes_that_are_only_counted_are_taken_in_order(model: Path) -> None:
    start = load_model(model / BEST)
    trainer = Trainer(config(), make_dataset(names=("0", "1", "2")), start_from=start)
    assert np.array_equal(trainer.state.network.parameters.vector, start.parameters.vector)
    assert trainer.start is not None
    assert "in order" in trainer.start.words


def test_another_network_is_refused_with_the_settings_that_fit(model: Path) -> None:
    other = hs.Config(hidden_sizes=(8,), scaling="256")
    with pytest.raises(ConfigError) as caught:
        Trainer(other, make_dataset(), start_from=load_model(model / BEST))
    error = caught.value
    assert error.found == "hidden_sizes=(8,) activation=('relu',) scaling='256'"
    assert error.wanted == "hidden_sizes=(12, 6) activation=('tanh',) scaling='standard'"
    assert error.fix == f"use {error.wanted}"


def test_samples_of_another_shape_are_refused(model: Path) -> None:
    data = hs.Dataset.from_arrays(np.zeros((20, 6, 4), np.uint8), np.arange(20) % 2)
    with pytest.raises(DataError) as caught:
        Trainer(config(), data, start_from=load_model(model / BEST))
    assert caught.value.fix == "have pictures resized: image_size=(5, 4) grayscale=True"


def test_a_run_records_where_it_started(model: Path, tmp_path: Path) -> None:
    start = load_model(model / BEST)
    run = hs.train(config(), make_dataset(seed=9), tmp_path / "second", start_from=model)
    digest = weights_digest(start.parameters.vector)
    # The copy has the bytes of the model file.
    assert (run.folder / START).read_bytes() == (model / BEST).read_bytes()
    record = (run.folder / STARTED_FROM).read_text()
    assert '"name": "first"' in record
    assert digest in record
    summary = storage.read_record(run.folder / SUMMARY, RunSummary)
    assert (summary.started_from, summary.start_digest) == ("first", digest)
    card = (run.folder / CARD).read_text()
    assert f"| started from | the weights of first (SHA-256 {digest[:8]}…), not random" in card
    assert "--config FOLDER/config.toml --start-from FOLDER/weights/start.safetensors" in card
    trained = load_model(run.folder / BEST)
    assert trained.start_digest == digest
    assert recover_initial_weights(trained).provenance == "another model"
    assert load_model(model / BEST).start_digest == ""


def test_the_copy_repeats_the_run(model: Path, tmp_path: Path) -> None:
    data = make_dataset(seed=9)
    hs.train(config(), data, tmp_path / "second", start_from=hs.load(model))
    hs.train(config(), data, tmp_path / "again", start_from=tmp_path / "second" / START)
    assert (tmp_path / "again" / BEST).read_bytes() == (tmp_path / "second" / BEST).read_bytes()


@pytest.mark.parametrize("epochs", [0, 1], ids=["before the first save", "after one epoch"])
def test_a_killed_run_resumes_to_the_same_bits(model: Path, tmp_path: Path, epochs: int) -> None:
    data = make_dataset(seed=9, names=("a", "b"))
    hs.train(config(), data, tmp_path / "whole", start_from=model)
    place = hs.load(model)
    with runs.create(config(), data, tmp_path / "killed", origin=runs.Origin.of(place)) as run:
        for _ in zip(range(epochs), run.train(), strict=False):
            pass
    (model / BEST).unlink()  # the model itself may be gone
    hs.resume(tmp_path / "killed", data)
    for name in (BEST, LAST):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert hs.resume(tmp_path / "killed", data).summary().started_from == "first"


def test_a_start_is_told_once(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = make_dataset(seed=9)
    with caplog.at_level(logging.INFO, "handstitch"):
        hs.train(config(epochs=1), data, tmp_path / "second", start_from=model)
        hs.resume(tmp_path / "second", data)
    told = [message for message in caplog.messages if "starting from" in message]
    assert told == ["starting from first: all its layers are kept"]


@pytest.mark.parametrize("damage", ["missing", "another", "damaged"])
def test_a_start_that_was_changed_is_refused(model: Path, tmp_path: Path, damage: str) -> None:
    data = make_dataset(seed=9)
    hs.train(config(epochs=1), data, tmp_path / "second", start_from=model)
    start = tmp_path / "second" / START
    if damage == "missing":
        start.unlink()
    elif damage == "another":
        start.write_bytes((tmp_path / "second" / BEST).read_bytes())
    else:
        start.write_bytes(start.read_bytes()[:-1])
    with pytest.raises(ModelFileError) as caught:
        hs.resume(tmp_path / "second", data, epochs=3)
    assert str(caught.value.file) == str(start)


def test_a_start_that_was_added_is_refused(model: Path, tmp_path: Path) -> None:
    data = make_dataset(seed=9)
    hs.train(config(epochs=1), data, tmp_path / "second")
    start = tmp_path / "second" / START
    start.write_bytes((model / BEST).read_bytes())
    with pytest.raises(ModelFileError) as caught:
        hs.resume(tmp_path / "second", data, epochs=3)
    assert caught.value.wanted == "none: the weights were drawn"


def test_without_settings_the_network_is_the_models(model: Path, tmp_path: Path) -> None:
    classifier = hs.load(model)
    data = make_dataset(seed=9)
    run = hs.train(data=data, out=tmp_path / "second", start_from=classifier)
    assert run.config.hidden_sizes == (12, 6)
    assert run.config.activation == ("tanh",)


def test_a_classifier_without_a_file_is_a_start(tmp_path: Path) -> None:
    data = make_dataset()
    classifier = hs.Classifier(**SETTINGS, epochs=1).fit(data.images, data.labels)
    run = hs.train(hs.Config(epochs=1, **SETTINGS), data, tmp_path / "run", start_from=classifier)
    assert run.summary().started_from == "a classifier in Python"
    assert weights_digest(classifier.model.parameters.vector) == run.summary().start_digest


@pytest.mark.parametrize("divisor", ["256", "255"])
def test_a_divisor_is_known_by_its_constants(divisor: str) -> None:
    data = make_dataset()
    scaling: Any = divisor
    trainer = Trainer(hs.Config(scaling=scaling, **SETTINGS), data)
    assert trainer.scaling.kind == divisor
    assert Trainer(hs.Config(**SETTINGS), data).scaling.kind == "standard"
