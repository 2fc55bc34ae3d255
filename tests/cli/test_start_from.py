"""handstitch train --start-from: the network follows from the model, its weights with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from handstitch.data import sketch
from handstitch.model import load_model
from tests.cli.conftest import Handstitch
from tests.data.picture_files import write_classes

MODEL = Path("runs", "train", "weights", "best.safetensors")
QUICK = ("--threads", "1", "--epochs", "1")


@pytest.fixture
def drawings(machine: Path) -> Path:
    """Drawings of three of the classes, with their names, as somebody's own data."""
    images, labels = sketch.draw(200, 77)
    chosen = labels < 3
    names = np.array(["cap", "scarf", "glove"])
    np.savez(machine / "drawings.npz", images=images[chosen], labels=names[labels[chosen]])
    return machine / "drawings.npz"


def test_a_model_is_all_that_own_data_need(
    handstitch: Handstitch, trained: Path, drawings: Path
) -> None:
    result = handstitch(
        "train", "--dataset", "drawings.npz", "--start-from", str(MODEL), *QUICK, "--out", "runs/b"
    )
    assert result.code == 0, result.err
    words = " ".join(result.err.split())
    assert "starting from train: its 10 classes" in words
    assert "so the last layer is drawn anew" in words
    model = load_model("runs/b/weights/best.safetensors")
    assert model.parameters.sizes == (784, 8, 4, 3)
    start = load_model(MODEL)
    assert (model.offset, model.scale) == (start.offset, start.scale)
    assert handstitch("test", "runs/b").code == 0


def test_its_own_data_are_the_data_where_none_are_named(
    handstitch: Handstitch, trained: Path
) -> None:
    result = handstitch("train", "--start-from", "runs/train", *QUICK, "--out", "runs/b", "--json")
    assert result.code == 0, result.err
    assert "starting from train: all its layers are kept" in result.err
    assert result.json["dataset"] == "sketch"
    assert result.json["started_from"] == "train"
    assert result.json["sizes"] == [784, 8, 4, 10]


def test_pictures_are_resized_for_the_model(
    handstitch: Handstitch, trained: Path, machine: Path
) -> None:
    write_classes(machine / "pets", each=10, shape=(31, 40, 3))
    result = handstitch(
        "train", "--dataset", "pets", "--start-from", "runs/train", *QUICK, "--out", "runs/b"
    )
    assert result.code == 0, result.err
    assert load_model("runs/b/weights/best.safetensors").image_shape == (28, 28)


def test_a_preset_gives_way_and_a_flag_does_not(handstitch: Handstitch, trained: Path) -> None:
    result = handstitch(
        *("train", "--start-from", "runs/train", "--preset", "course", "--dataset", "sketch"),
        *(*QUICK, "--out", "runs/b"),
    )
    assert result.code == 0, result.err
    config = load_model("runs/b/weights/best.safetensors").config
    assert (config["optimizer"], config["hidden_sizes"]) == ("sgd", [8, 4])
    assert config["scaling"] == "standard"
    result = handstitch("train", "--start-from", "runs/train", "--hidden", "16,8", *QUICK)
    assert result.code == 2
    assert "found   --hidden 16,8\n" in result.err
    assert "wanted  --hidden 8,4\n" in result.err
    assert "fix     use --hidden 8,4\n" in result.err
    assert not Path("runs", "train-2").exists()


def test_the_page_says_where_the_weights_are_from(handstitch: Handstitch, trained: Path) -> None:
    words = ("train", "--dataset", "sketch", "--start-from", "runs/train", "--out", "runs/b")
    assert handstitch(*words, *QUICK).code == 0
    start = json.loads(Path("runs", "b", "start.json").read_text())
    for lang, said in (("en", "the weights of train (SHA-256 "), ("zh", "train 的权重（SHA-256 ")):
        result = handstitch("report", "runs/b", "--lang", lang, "--json")
        assert (result.code, result.json["missing"]) == (0, [])
        page = Path("runs", "b", "report.html").read_text()
        assert said + start["digest"] in page
        assert "runs/b/config.toml --start-from runs/b/weights/start.safetensors" in page
    assert handstitch("show", "weights", "runs/b", "--stats").code == 0


@pytest.mark.parametrize("other", ["--resume", "--from-search"])
def test_one_start_at_a_time(handstitch: Handstitch, trained: Path, other: str) -> None:
    result = handstitch("train", "--start-from", "runs/train", other, "runs/train")
    assert result.code == 2
    assert "cannot be used together" in result.err


def test_what_is_no_model_is_refused(handstitch: Handstitch, machine: Path) -> None:
    (machine / "notes.txt").write_text("no model\n")
    result = handstitch("train", "--dataset", "sketch", "--start-from", "notes.txt", *QUICK)
    assert result.code == 4
    assert not Path("runs").exists()
