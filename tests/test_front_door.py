"""The three levels of the front door: each program runs, and all three give the same weights."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import handstitch as hs
from handstitch import runs
from handstitch.data import loading, sketch
from handstitch.errors import DataError, HandstitchError, ModelFileError, UsageError
from handstitch.model import load_state
from handstitch.runs import snapshot

SETTINGS: dict[str, Any] = {
    "hidden_sizes": (16, 8), "epochs": 3, "batch_size": 20, "threads": 1, "backend": "numpy",
    "dropout": 0.25, "seed": 7,
}  # fmt: skip
CONFIG = hs.Config(**SETTINGS)


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which programs run, with little drawn data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "_SKETCH", {"train": (300, 2017), "test": (60, 2018)})
    return tmp_path


@pytest.fixture(scope="module")
def stitched() -> hs.Dataset:
    images, labels = sketch.draw(200, 3)
    return hs.Dataset.from_arrays(images, labels, sketch.CLASS_NAMES)


def interrupt(config: hs.Config, data: hs.Dataset, out: str) -> None:
    """Train a run for one epoch, and leave it."""
    with runs.create(config, data, out) as run:
        next(run.train())


# ── The three programs ─────────────────────────────────────────────────────────────────────────


def test_arrays_in_a_classifier_out() -> None:
    images, labels = sketch.draw(2000, 0)
    classifier = hs.Classifier(hidden_sizes=(300, 100), epochs=5)
    predicted = classifier.fit(images, labels).predict(images)
    assert np.mean(predicted == labels) > 0.5
    assert classifier.score(images, labels) == np.mean(predicted == labels)


def test_a_run_with_a_folder() -> None:
    run = hs.train(hs.Config(epochs=5, hidden_sizes=(32, 16)), data="sketch", out="runs/a")
    assert run.folder == Path("runs/a")
    assert (run.state.epoch, run.trainer.is_over) == (5, True)
    evaluation = hs.load("runs/a").evaluate()
    assert (evaluation.dataset, evaluation.part, evaluation.n) == ("sketch", "test", 60)


def test_a_loop_of_ones_own(stitched: hs.Dataset) -> None:
    trainer = hs.Trainer(CONFIG, stitched)
    seen = [(record.epoch, record.val_accuracy) for record in trainer]
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert all(accuracy is not None and 0 <= accuracy <= 1 for _, accuracy in seen)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_all_three_give_the_same_weights(stitched: hs.Dataset, backend: str) -> None:
    classifier = hs.Classifier(**SETTINGS | {"backend": backend})
    classifier.fit(stitched.images, stitched.labels, stitched.class_names)
    trainer = hs.Trainer(classifier.config, stitched)
    trainer.fit()
    hs.train(classifier.config, stitched, "runs/a")
    loaded = hs.load("runs/a")
    wanted = classifier.model.parameters.vector.tobytes()
    assert trainer.state.best.vector.tobytes() == wanted
    assert loaded.model.parameters.vector.tobytes() == wanted
    assert loaded.model.history == classifier.model.history
    assert (loaded.class_names, loaded.model.dataset) == (sketch.CLASS_NAMES, "arrays")


# ── train ──────────────────────────────────────────────────────────────────────────────────────


def test_a_name_takes_the_place_of_that_in_the_config() -> None:
    run = hs.train(hs.Config(**SETTINGS | {"dataset": "mnist", "epochs": 1}), "sketch")
    assert run.folder == Path("runs/train")
    assert (run.config.dataset, run.summary().dataset) == ("sketch", "sketch")


@pytest.mark.parametrize(
    ("name", "message"), [("cifar", "unknown data set"), ("arrays", "has no files")]
)
def test_a_data_set_that_no_name_means_is_refused_before_a_folder_is_made(
    work: Path, name: str, message: str
) -> None:
    with pytest.raises(HandstitchError, match=message):
        hs.train(CONFIG, name, "runs/a")
    assert not list(work.iterdir())


def test_a_folder_that_is_there_is_left_as_it_is(work: Path, stitched: hs.Dataset) -> None:
    hs.train(CONFIG, stitched, "runs/a")
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    with pytest.raises(UsageError):
        hs.train(CONFIG, stitched, "runs/a")
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before


def test_a_folder_of_data_is_searched_alone(work: Path) -> None:
    (work / "empty").mkdir()
    with pytest.raises(DataError) as caught:
        hs.train(CONFIG, "mnist", "runs/a", data_dir="empty")
    assert caught.value.exit_code == 3
    assert not (work / "runs").exists()


@pytest.mark.parametrize(("validation", "images"), [(0.01, "1 image"), (0.1, "10 images")])
def test_a_validation_part_of_few_images_is_told(
    caplog: pytest.LogCaptureFixture, validation: float, images: str
) -> None:
    data = hs.Dataset.from_arrays(*sketch.draw(100, 3))
    hs.train(hs.Config(**SETTINGS | {"validation": validation, "epochs": 1}), data, "run")
    told = [line for line in caplog.messages if "for validation" in line]
    assert told == [f"only {images} for validation: which epoch is best is decided by chance"]


def test_a_validation_part_of_enough_images_is_not_mentioned(
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = hs.Dataset.from_arrays(*sketch.draw(100, 3))
    hs.train(hs.Config(**SETTINGS | {"validation": 0.3, "epochs": 1}), data, "run")
    assert not [line for line in caplog.messages if "for validation" in line]


def test_epochs_are_logged(stitched: hs.Dataset, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "handstitch"):
        hs.train(CONFIG, stitched)
    lines = [line for line in caplog.messages if line.startswith("Epoch ")]
    assert [line.split(",")[0] for line in lines] == ["Epoch 1", "Epoch 2", "Epoch 3"]


# ── resume ─────────────────────────────────────────────────────────────────────────────────────


def test_an_interrupted_run_on_arrays_ends_with_the_bytes_of_a_whole_one(
    stitched: hs.Dataset,
) -> None:
    interrupt(CONFIG, stitched, "runs/half")
    run = hs.resume("runs/half", stitched)
    assert [record.epoch for record in run.state.history] == [1, 2, 3]
    hs.train(CONFIG, stitched, "runs/whole")
    for weights in ("best", "last"):
        file = Path("weights", f"{weights}.safetensors")
        assert (run.folder / file).read_bytes() == ("runs/whole" / file).read_bytes()


def test_only_what_is_left_is_trained(stitched: hs.Dataset) -> None:
    interrupt(CONFIG, stitched, "runs/half")
    with runs.reopen("runs/half", data=stitched) as run:
        assert [record.epoch for record in run.train()] == [2, 3]
    with runs.reopen("runs/half", data=stitched) as run:
        assert list(run.train()) == []


def test_a_named_data_set_is_found_again() -> None:
    with runs.create(CONFIG, "sketch", "runs/half") as run:
        next(run.train())
    assert len(hs.resume("runs/half").state.history) == 3


def test_without_its_arrays_a_run_is_not_resumed_and_nothing_is_lost(stitched: hs.Dataset) -> None:
    interrupt(CONFIG, stitched, "runs/half")
    before = {path: path.read_bytes() for path in Path("runs/half").rglob("*.*") if path.is_file()}
    with pytest.raises(DataError) as caught:
        hs.resume("runs/half")
    assert caught.value.exit_code == 3
    assert "passed from Python" in str(caught.value)
    assert "resume(folder, data=dataset)" in str(caught.value)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_other_arrays_are_noticed(stitched: hs.Dataset) -> None:
    interrupt(CONFIG, stitched, "runs/half")
    saved = load_state(Path("runs/half/weights/last.safetensors"))
    assert snapshot.differences(saved, hs.Trainer(CONFIG, stitched)) == []
    other = hs.Dataset.from_arrays(255 - stitched.images, stitched.labels, stitched.class_names)
    (line,) = snapshot.differences(saved, hs.Trainer(CONFIG, other))
    assert line.startswith("the training data differ from those the run was started with")
    assert stitched.digest[:8] in line
    assert other.digest[:8] in line


def test_arrays_of_another_size_are_refused(stitched: hs.Dataset) -> None:
    interrupt(CONFIG, stitched, "runs/half")
    small = hs.Dataset.from_arrays(stitched.images[:, ::2, ::2], stitched.labels)
    with pytest.raises(ModelFileError):
        hs.resume("runs/half", small)


def test_what_is_no_run_is_refused() -> None:
    with pytest.raises(UsageError, match="not a run"):
        hs.resume("nowhere")
