"""What somebody new to the program types first: done, or answered with what to type instead."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from handstitch.data import sketch
from tests.cli.conftest import Handstitch
from tests.cli.test_own_data import SMALL, write_photos


@pytest.fixture
def photos(machine: Path) -> Path:
    return write_photos(machine / "photos", 6, ("apple", "bee", "cat"))


def train(handstitch: Handstitch, data: str, *words: str) -> None:
    result = handstitch("train", "--dataset", data, *SMALL, "--out", "runs/a", *words)
    assert result.code == 0, result.err


def predict(handstitch: Handstitch, *files: str) -> list[dict[str, Any]]:
    result = handstitch("predict", *files, "--json")
    assert result.code == 0, result.err
    answers: list[dict[str, Any]] = result.json["predictions"]
    return answers


# ── predict ────────────────────────────────────────────────────────────────────────────────────


def test_a_table_is_classified_with_and_without_labels_and_names(handstitch: Handstitch) -> None:
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(3)
    rows = [[k % 2, *(rng.normal(size=4) + k % 2).round(3).tolist()] for k in range(40)]
    names = ["label", "a", "b", "c", "d"]
    tables = {
        "train": [names, *rows],
        "test": [names[1:], *(row[1:] for row in rows[:3])],
        "bare": [row[1:] for row in rows[:3]],
        "labelled": rows[:3],
        "missing": [names, *(["", *row[1:]] for row in rows[:3])],  # no label to predict is needed
        "class": [["class", "b", "c", "y"], *(row[1:] for row in rows[:3])],
    }
    for name, content in tables.items():
        with Path(f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(content)
    np.save("rows.npy", np.array([row[1:] for row in rows[:3]], np.float32))
    train(handstitch, "train.csv")
    wanted = [answer["probabilities"] for answer in predict(handstitch, "rows.npy")]
    for name in tables:
        answers = predict(handstitch, f"{name}.csv")
        for answer, known in zip(answers, wanted, strict=False):
            assert answer["probabilities"] == pytest.approx(known, abs=1e-6), name
        assert answers[2]["file"] == f"{name}.csv[2]"
    Path("few.csv").write_text("label,a,b\n1,2,3\n")
    few = handstitch("predict", "few.csv")
    assert few.code == 3
    assert "float32 (1, 2)" in few.err
    assert "choose the columns that the network was trained on" in few.err


def test_pixels_in_a_table_or_in_rows_are_the_pictures(handstitch: Handstitch) -> None:
    pytest.importorskip("pyarrow")
    images, _ = sketch.draw(3, 1)
    train(handstitch, "sketch")
    np.save("images.npy", images)
    np.save("flat.npy", flat := images.reshape(3, -1))
    np.save("fractions.npy", images / 255)
    with Path("kaggle.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[f"pixel{k}" for k in range(784)], *flat.tolist()])
    wanted = [answer["probabilities"] for answer in predict(handstitch, "images.npy")]
    for name in ("flat.npy", "kaggle.csv", "fractions.npy"):
        assert [answer["probabilities"] for answer in predict(handstitch, name)] == wanted


def test_pictures_in_a_table_train_and_are_classified(handstitch: Handstitch, photos: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    files = sorted(photos.rglob("*.*"))
    content = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    labels = [file.parent.name for file in files]
    parquet.write_table(arrow.table({"image": content, "label": labels}), "photos.parquet")
    train(handstitch, "photos.parquet", "--image-size", "8")
    of_files = predict(handstitch, *map(str, files))
    of_table = predict(handstitch, "photos.parquet")
    for one, other in zip(of_files, of_table, strict=True):
        assert one["probabilities"] == other["probabilities"]


def test_an_array_that_does_not_fit_is_told_what_would(
    handstitch: Handstitch, photos: Path
) -> None:
    train(handstitch, "photos")
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "normal": rng.normal(size=(4, 12, 14, 3)),
        "other": np.zeros((5, 8, 8), np.uint8),
        "flat": np.zeros((4, 504), np.uint8),  # channels first or last, nobody knows
        "number": np.float64(3),
    }
    said = {}
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
        refused = handstitch("predict", f"{name}.npy")
        assert refused.code == 3
        said[name] = " ".join(refused.err.split())
        assert "wanted colour images of 12 × 14 pixels, (n, 12, 14, 3): whole" in said[name]
    assert "float64 numbers from -" in said["normal"]
    assert "undo what was done to the pixels" in said["normal"]
    assert "found uint8 (5, 8, 8) wanted" in said["other"]
    assert "found uint8 (4, 504) wanted" in said["flat"]
    grey = rng.integers(0, 255, (2, 12, 14), dtype=np.uint8)
    np.save("grey.npy", grey)
    Image.fromarray(grey[0]).save("grey.png")
    of_array, of_picture = predict(handstitch, "grey.npy")[0], predict(handstitch, "grey.png")[0]
    assert of_array["probabilities"] == of_picture["probabilities"]


@pytest.mark.parametrize("before", [(), ("runs/a",)], ids=["alone", "after the model"])
def test_a_picture_of_another_format_is_named(
    handstitch: Handstitch, photos: Path, before: tuple[str, ...]
) -> None:
    train(handstitch, "photos")
    Image.new("RGB", (14, 12)).save("a.tiff")
    Path("b.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
    for name, kind in (("a.tiff", "a TIFF picture"), ("b.heic", "a HEIC picture")):
        refused = handstitch("predict", *before, name)
        assert refused.code == 3
        assert kind in refused.err
        assert "export it as PNG or JPEG" in refused.err


def test_a_colour_picture_is_shown_by_its_lightness(handstitch: Handstitch, photos: Path) -> None:
    train(handstitch, "photos")
    halves = np.zeros((12, 14, 3), np.uint8)
    halves[:, 7:] = 255
    Image.fromarray(halves).save("halves.png")
    shown = handstitch("predict", "halves.png").out.splitlines()
    assert shown[0] == "As the network sees it:"
    assert shown[1:13] == ["  " + 14 * " " + 14 * "@"] * 12


# ── Data ───────────────────────────────────────────────────────────────────────────────────────


def test_options_for_pictures_are_not_ignored_in_silence(
    handstitch: Handstitch, photos: Path
) -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 255, (30, 8, 8, 3), dtype=np.uint8)
    np.savez("arrays.npz", images=colours, labels=np.arange(30) % 3)
    assert "not resized" not in handstitch("data", "info", "arrays.npz").err
    told = handstitch("data", "info", "arrays.npz", "--image-size", "24", "--grayscale").err
    assert "NumPy arrays: not resized, the image size is for files of pictures" in told
    assert "NumPy arrays: the colours are kept" in told
    for words in (["arrays.npz", "--image-size", "8"], ["photos", "--image-size", "9", "11"]):
        assert "resized" not in handstitch("data", "info", *words).err
    named = handstitch("train", "--dataset", "sketch", "--image-size", "14", *SMALL)
    assert "sketch: not resized" in named.err
    assert named.code == 0


def test_a_class_without_samples_is_told_once(handstitch: Handstitch) -> None:
    labels = [*([0] * 10), *([1] * 10), 2]
    rows = np.arange(21 * 64, dtype=np.uint8).reshape(21, 8, 8)
    np.savez("arrays.npz", images=rows, labels=labels)
    said = "the test part of arrays.npz has no sample of 2"
    assert said in handstitch("data", "info", "arrays.npz").err
    assert said not in handstitch("data", "info", "arrays.npz").err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("Photos", "photos"), ("photo", "photos"), ("sketsh", "sketch"), ("rows.cvs", "rows.csv")],
)
def test_a_misspelt_name_is_answered_with_the_nearest(
    handstitch: Handstitch, photos: Path, typed: str, meant: str
) -> None:
    Path("rows.csv").write_text("")
    refused = handstitch("data", "info", typed)
    assert refused.code == 2
    assert refused.err.endswith(f"  fix     perhaps: {meant}\n")
    assert "perhaps" not in handstitch("data", "info", "elsewhere/altogether").err


# ── train, test, report ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", ["train", "search"])
@pytest.mark.parametrize("name", ["photos", "sketch"])
def test_data_without_their_flag(
    handstitch: Handstitch, photos: Path, verb: str, name: str
) -> None:
    refused = handstitch(verb, name, "--epochs", "3")
    assert refused.code == 2
    assert refused.err.endswith(f"  fix    handstitch {verb} --dataset {name} --epochs 3\n")
    assert "leave one out" in handstitch(verb, "nothing").err


def test_a_run_without_its_flag(handstitch: Handstitch, photos: Path) -> None:
    train(handstitch, "photos")
    refused = handstitch("train", "runs/a")
    assert refused.err.endswith("  fix    handstitch train --resume runs/a\n")


def test_a_setting_of_training_after_another_verb(handstitch: Handstitch, photos: Path) -> None:
    refused = handstitch("test", "runs/a", "--image-size", "24")
    assert refused.code == 2
    assert "handstitch train --image-size …" in refused.err


def test_a_batch_larger_than_the_data_comes_with_a_smaller_one(
    handstitch: Handstitch, photos: Path
) -> None:
    words = ["train", "--dataset", "photos", "--hidden", "8", "--epochs", "1"]
    told = " ".join(handstitch(*words).err.split())
    assert "each epoch is one step; for more: --batch-size 1 or --epochs" in told


def test_the_picture_of_a_range_test_in_a_folder(handstitch: Handstitch, photos: Path) -> None:
    words = ["train", "--find-rate", "--dataset", "photos", *SMALL, "--out", "runs/fr"]
    found = handstitch(*words)
    assert found.code == 0, found.err
    assert "Picture: runs/fr/learning_rate.png" in found.out
    assert Path("runs/fr/learning_rate.png").exists()


def test_a_page_where_the_data_were_never_opened(
    handstitch: Handstitch, photos: Path, tmp_path: Path
) -> None:
    train(handstitch, "photos", "--image-size", "10")
    assert "<td>10 × 10</td>" in " ".join(page(handstitch).split()).replace("<code>", "")
    (tmp_path / "cache/handstitch/places.json").unlink()  # as on another machine
    lost = handstitch("report", "runs/a")
    assert lost.code == 0
    assert "handstitch: the data set photos was never opened on this machine" in lost.err
    assert "  handstitch report runs/a --dataset PATH\n" in lost.err
    photos.rename("moved")
    assert handstitch("report", "runs/a", "--dataset", "moved", "--json").json["missing"] == []
    write_photos(Path("others"), 5, ("apple", "bee", "cat"))
    other = handstitch("report", "runs/a", "--dataset", "others")
    assert "the data set photos has changed since" in other.err


def page(handstitch: Handstitch) -> str:
    assert handstitch("report", "runs/a").code == 0
    return Path("runs/a/report.html").read_text()
