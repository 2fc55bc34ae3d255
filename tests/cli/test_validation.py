"""handstitch train --validation: none, or a data set of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import handstitch as hs
from handstitch.data import places, sketch
from handstitch.errors import DataError
from handstitch.model import load_model
from handstitch.records import ReadingOptions
from tests.cli.conftest import Handstitch

SMALL = ("--hidden", "8", "--epochs", "2", "--threads", "1", "--dataset", "sketch")


def test_every_verb_copes_without_validation(handstitch: Handstitch, machine: Path) -> None:
    result = handstitch("train", *SMALL, "--validation", "0")
    assert result.code == 0, result.err
    assert "no image is held out for validation: the last epoch is kept" in result.err
    assert "Val" not in result.out
    assert "Kept: epoch 2, the last, without validation, on sketch, drawn data" in result.out
    assert "It shows no accuracy: these weights" in handstitch("report").out
    for words in (
        ("show",),
        ("show", "curves", "--out", "curves.svg"),
        ("show", "curves", "--style", "course", "--out", "course.svg"),
        ("show", "weights", "--stats"),
        ("report",),
        ("report", "--lang", "zh"),
        ("test",),
        ("report",),
        ("predict", "--rows", "0:2"),
        ("train", "--resume", "runs/train", "--epochs", "3"),
    ):
        result = handstitch(*words)
        assert result.code == 0, (words, result.err)
        assert "None" not in result.out + result.err, words
    for page in ("report.html", "README.md"):
        assert "None" not in Path("runs", "train", page).read_text()


def test_what_needs_validation_says_so(handstitch: Handstitch) -> None:
    for words, reason in (
        (("train", "--patience", "2"), "early stopping waits for a better validation loss"),
        (("train", "--schedule", "plateau"), "the schedule plateau waits"),
        (("search", "--lr", "0.1", "0.2"), "candidates are ranked by their accuracy"),
    ):
        result = handstitch(*words, *SMALL, "--validation", "0")
        assert result.code == 2
        assert reason in " ".join(result.err.split())
        assert not Path("runs").exists()


def write_drawings(path: Path, count: int, seed: int, classes: int = 3) -> Path:
    """An .npz of drawings in some of the classes, by their names."""
    images, labels = sketch.draw(count, seed)
    chosen = labels < classes
    names = np.array(["cap", "scarf", "glove", "boot"])
    np.savez(path, images=images[chosen], labels=names[labels[chosen]])
    return path


OWN = (*SMALL[:-1], "own.npz", "--validation", "held.npz")


@pytest.fixture
def drawings(machine: Path) -> Path:
    """The data set own.npz, and another, held.npz, of two of its classes."""
    write_drawings(machine / "own.npz", 300, 1)
    write_drawings(machine / "held.npz", 200, 2, classes=2)
    return machine


def test_a_set_of_its_own_validates(handstitch: Handstitch, drawings: Path) -> None:
    result = handstitch("train", *OWN, "--json")
    assert result.code == 0, result.err
    images, labels = sketch.draw(200, 2)
    held = int((labels < 2).sum())
    assert result.json["val_images"] == held
    assert result.json["validation_set"] == "held"
    own = sketch.draw(300, 1)[1] < 3
    assert result.json["train_images"] == own.sum() - round(0.2 * own.sum())  # the test part
    record = json.loads(Path("runs", "train", "validation.json").read_text())
    assert record["name"] == "held"
    assert "held.npz" not in Path("runs", "train", "config.toml").read_text()
    model = load_model("runs/train/weights/best.safetensors")
    assert model.validation_digest == record["digest"]
    # The figures are those of these images: a scarf is still 1, though no glove is there.
    truth = np.array(model.class_names)[[model.class_names.index(n) for n in ("cap", "scarf")]]
    predicted = hs.load("runs/train", "best").predict(images[labels < 2])
    names = np.array(model.class_names)[predicted]
    accuracy = float(np.mean(names == truth[labels[labels < 2]]))
    best = next(record for record in reversed(model.history) if record["is_best"])
    assert best["val_accuracy"] == pytest.approx(accuracy)


def test_every_verb_finds_it_by_digest(handstitch: Handstitch, drawings: Path) -> None:
    assert handstitch("train", *OWN).code == 0
    result = handstitch("show", "weights", "--stats")
    assert f"({int((sketch.draw(200, 2)[1] < 2).sum())} images)" in result.out
    result = handstitch("report")
    assert result.code == 0, result.err
    page = Path("runs", "train", "report.html").read_text()
    assert "for validation, of held" in page
    assert "--config runs/train/config.toml --validation held" in page
    assert "images of held |" in Path("runs", "train", "README.md").read_text()
    again = handstitch(
        *("train", "--config", "runs/train/config.toml", "--validation", "held", "--out", "again")
    )
    assert again.code == 0, again.err
    best = Path("weights", "best.safetensors")
    assert (Path("again") / best).read_bytes() == (Path("runs/train") / best).read_bytes()


def test_resuming_needs_no_path(handstitch: Handstitch, drawings: Path) -> None:
    words = ("train", *OWN, "--schedule", "constant")
    assert handstitch(*words, "--epochs", "3", "--out", "whole").code == 2  # --epochs twice
    longer = [*words[:4], "3", *words[5:]]
    assert longer[3] == "--epochs"
    assert handstitch(*longer, "--out", "whole").code == 0
    assert handstitch(*words, "--out", "grown").code == 0
    result = handstitch("train", "--resume", "grown", "--epochs", "3")
    assert result.code == 0, result.err
    best = Path("weights", "best.safetensors")
    assert (Path("grown") / best).read_bytes() == (Path("whole") / best).read_bytes()
    (drawings / "held.npz").rename(drawings / "moved.npz")
    result = handstitch("train", "--resume", "grown", "--epochs", "4")
    assert result.code == 3
    assert "name their path: --validation PATH" in result.err
    moved = handstitch("train", "--resume", "grown", "--epochs", "4", "--validation", "moved.npz")
    assert moved.code == 0, moved.err


def test_what_cannot_validate_is_refused(handstitch: Handstitch, drawings: Path) -> None:
    write_drawings(drawings / "more.npz", 200, 3, classes=4)
    for path, code, words in (
        ("more.npz", 3, "unknown class: boot"),
        ("own.npz", 3, "the validation set is the data set to train on"),
        ("nothing.npz", 2, "there is no such file or folder"),
        ("1.5", 2, "invalid value for validation: 1.5"),
    ):
        result = handstitch("train", *OWN[:-1], path)
        assert (result.code, words in result.err) == (code, True), result.err
        assert not Path("runs").exists()
    assert handstitch("train", *OWN, "--validation", "0.1").code == 2
    assert handstitch("train", *SMALL[:-1], "own.npz", "--out", "plain").code == 0
    result = handstitch("train", "--resume", "plain", "--validation", "held.npz")
    assert (result.code, "this run has no validation set of its own" in result.err) == (2, True)


def test_a_changed_set_is_refused(handstitch: Handstitch, drawings: Path) -> None:
    assert handstitch("train", *OWN).code == 0
    write_drawings(drawings / "held.npz", 200, 9, classes=2)
    result = handstitch("train", "--resume", "runs/train", "--epochs", "3")
    assert result.code == 3
    assert "the validation set has changed since" in result.err
    shown = handstitch("show", "weights", "--stats")
    assert (shown.code, "accuracies are left out" in shown.err) == (0, True)


def test_a_validation_set_is_no_data_set_of_that_name(
    handstitch: Handstitch, drawings: Path
) -> None:
    """A record names its data; a validation set of the same name must not stand for them."""
    (drawings / "other").mkdir()
    (drawings / "held.npz").rename(drawings / "other" / "own.npz")
    assert handstitch("train", *OWN[:-1], "other/own.npz").code == 0
    assert places.named("own") == (drawings / "own.npz", ReadingOptions())
    assert places.named("own", is_validation=True) == (
        drawings / "other" / "own.npz",
        ReadingOptions(),
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": 1}', b'{"name": "x"}'], ids=repr)
def test_a_damaged_record_is_refused(
    handstitch: Handstitch, drawings: Path, content: bytes
) -> None:
    assert handstitch("train", *OWN).code == 0
    Path("runs", "train", "validation.json").write_bytes(content)
    result = handstitch("train", "--resume", "runs/train", "--epochs", "3")
    assert (result.code, "the validation set cannot be read" in result.err) == (4, True)


def test_a_record_that_is_a_link_or_a_pipe_is_refused(
    handstitch: Handstitch, drawings: Path
) -> None:
    assert handstitch("train", *OWN).code == 0
    record = Path("runs", "train", "validation.json")
    record.rename("record.json")
    record.symlink_to(Path("record.json").absolute())
    assert handstitch("train", "--resume", "runs/train", "--epochs", "3").code == 5
    record.unlink()
    os.mkfifo(record)
    assert handstitch("train", "--resume", "runs/train", "--epochs", "3").code == 4


def test_arrays_of_python_validate(machine: Path) -> None:
    images, labels = sketch.draw(60, 4)
    data, held = (
        hs.Dataset.from_arrays(images[rows], labels[rows], sketch.CLASS_NAMES)
        for rows in (slice(40), slice(40, 60))
    )
    config = hs.Config(hidden_sizes=(8,), epochs=1, threads=1)
    run = hs.train(config, data, "one", validation=held)
    assert len(run.trainer.validation_labels) == 20
    assert hs.resume("one", data, validation=held, epochs=2).state.epoch == 2
    with pytest.raises(DataError, match="has changed"):
        hs.resume("one", data, validation=data, epochs=3)
    with pytest.raises(DataError, match="not on this machine"):
        hs.resume("one", data, epochs=3)
