"""A user's own data from the command line: every verb, on every format."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from handstitch import Config, runs
from handstitch.data import loading, sketch
from handstitch.model import load_model
from tests.cli.conftest import Handstitch
from tests.data.idx_files import header

NAMES = ("apple", "bee", "cat", "dog", "egg", "fish", "goat", "hat", "ink", "jar")
SMALL = (
    *("--hidden", "24", "--batch-size", "8", "--epochs", "15", "--dropout", "0"),
    *("--threads", "1", "--backend", "numpy"),
    *("--receptive-field", "none", "--shift", "0", "--warmup", "0"),
)


def write_photos(folder: Path, each: int = 10, names: tuple[str, ...] = NAMES) -> Path:
    """Colour pictures, a folder for each class: a shape whose colour is that of its class."""
    rng = np.random.default_rng(1)
    for number, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for k in range(each):
            picture = Image.new("RGB", (14, 12), tuple(rng.integers(200, 255, 3).tolist()))
            phase = 2 * np.pi * (number / len(names) + np.arange(3) / 3)
            colour = (120 + 100 * np.cos(phase) + rng.integers(-15, 15, 3)).astype(int)
            x, y = rng.integers(1, 6, 2).tolist()
            ImageDraw.Draw(picture).ellipse([x, y, x + 6, y + 5], tuple(colour.tolist()))
            picture.save(folder / name / f"{k}.{('png', 'jpg')[k % 2]}", quality=95)
    return folder


@pytest.fixture
def photos(machine: Path) -> Path:
    return write_photos(machine / "photos")


@pytest.fixture
def trained(handstitch: Handstitch, photos: Path) -> Path:
    result = handstitch("train", "--dataset", "photos", *SMALL, "--out", "runs/a")
    assert result.code == 0, result.err
    assert "20 samples, a fifth of each class, are drawn" in result.err
    return photos.parent / "runs/a"


def test_every_verb_works_on_a_folder_of_colour_pictures(
    handstitch: Handstitch, trained: Path, machine: Path
) -> None:
    tested = handstitch("test", "--json").json
    assert (tested["dataset"], tested["n"]) == ("photos", 20)
    assert [score["name"] for score in tested["class_scores"]] == list(NAMES)
    assert tested["test_evaluation"] == 1
    assert tested["accuracy"] > 0.2
    assert handstitch("test").err == ""  # that the part is drawn is said once
    assert handstitch("report").code == 0
    page = (trained / "report.html").read_text()
    assert "photos" in page
    for name in NAMES:
        assert name in page
    for part in ("curves", "weights"):
        assert handstitch("show", part).code == 0
    assert "Validation accuracy" in handstitch("show", "weights", "--stats").out
    rows = handstitch("predict", "--rows", "0:20", "--json").json
    assert rows["dataset"] == "photos"
    right = [row["true"] == row["predicted"] for row in rows["predictions"]]
    assert sum(right) == tested["correct"]
    config = (trained / "config.toml").read_text()
    assert 'dataset = "photos"' in config
    assert str(machine) not in config
    model = load_model(trained / "weights/best.safetensors")
    assert model.image_shape == (12, 14, 3)
    assert str(machine).encode() not in (trained / "weights/best.safetensors").read_bytes()
    assert handstitch("train", "--config", str(trained / "config.toml"), "--epochs", "1").code == 0


def test_data_info_counts_and_draws(handstitch: Handstitch, photos: Path, machine: Path) -> None:
    shown = handstitch("data", "info", "photos", "--out", "sheet.png")
    assert "(a folder of pictures)" in shown.out
    assert "12 × 14 × 3" in shown.out
    assert (machine / "sheet.png").read_bytes().startswith(b"\x89PNG")
    facts = handstitch("data", "info", "photos", "--grayscale", "--image-size", "8", "--json").json
    assert [part["shape"] for part in facts["parts"]] == [[8, 8], [8, 8]]
    assert facts["parts"][0]["counts"] == dict.fromkeys(NAMES, 8)
    assert facts["is_test_drawn"]


def interrupt(photos: Path, out: str) -> None:
    settings: dict[str, Any] = {"hidden_sizes": (24, 12), "batch_size": 8, "threads": 1}
    settings |= {"dropout": 0.0, "backend": "numpy"}
    settings |= {"receptive_field": (), "shift": 0, "warmup": 0.0}
    config = Config(dataset=str(photos), epochs=15, **settings)
    with runs.create(config, None, out) as run:
        next(run.train())


def test_a_run_resumes_where_its_data_are_now(
    handstitch: Handstitch, trained: Path, photos: Path, machine: Path
) -> None:
    interrupt(photos, "runs/b")
    assert handstitch("train", "--resume", "runs/b").code == 0
    best = (trained / "weights/best.safetensors").read_bytes()
    assert (machine / "runs/b/weights/best.safetensors").read_bytes() == best
    interrupt(photos, "runs/c")
    photos.rename(machine / "moved")
    lost = handstitch("train", "--resume", "runs/c")
    assert lost.code == 3
    assert "no longer where it was opened" in lost.err
    assert "--dataset PATH" in lost.err
    # Under another name they are the same data, and the run keeps its own name for them.
    found = handstitch("train", "--resume", "runs/c", "--dataset", "moved")
    assert found.code == 0, found.err
    assert (machine / "runs/c/weights/best.safetensors").read_bytes() == best
    tested = handstitch("test", "runs/c", "--json")
    assert (tested.code, tested.err) == (0, "")  # remembered
    assert (tested.json["dataset"], tested.json["test_evaluation"]) == ("photos", 1)


def test_a_run_without_its_data_asks_for_their_path(
    handstitch: Handstitch, trained: Path, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "cache")  # as on another machine
    lost = handstitch("test", "runs/a")
    assert lost.code == 3
    assert "the data set photos was never opened on this machine" in lost.err
    assert "--dataset PATH" in lost.err
    assert handstitch("test", "runs/a", "--dataset", "photos").code == 0
    assert handstitch("test", "runs/a").code == 0


def test_data_that_changed_are_refused(handstitch: Handstitch, trained: Path, photos: Path) -> None:
    next((photos / "cat").iterdir()).unlink()
    changed = handstitch("test", "runs/a")
    assert changed.code == 3
    assert "has changed since" in changed.err
    assert "restore its files" in changed.err
    (photos / "more.txt").write_text("")
    shutil.copytree(photos, "else")
    resumed = handstitch("train", "--resume", "runs/a", "--epochs", "16", "--dataset", "else")
    assert resumed.code == 3
    assert "has changed since" in resumed.err
    other = handstitch("test", "runs/a", "--dataset", "else", "--json")
    assert "some of its test images may have been trained on" in other.err
    assert other.json["test_evaluation"] is None


def test_a_received_run_opens_nothing(
    handstitch: Handstitch, trained: Path, photos: Path, machine: Path
) -> None:
    """A record names data by name and digest; a path in it is not followed."""
    config = trained / "config.toml"
    theirs = write_photos(machine / "secret", 5)
    config.write_text(config.read_text().replace('"photos"', json.dumps(str(theirs))))
    result = handstitch("train", "--resume", "runs/a", "--epochs", "16")
    assert result.code in {0, 3}
    for verb in ("test", "report"):
        handstitch(verb, "runs/a")
    evaluated = json.loads((trained / "test/log.json").read_text())["evaluations"]
    assert {one["dataset"] for one in evaluated} == {"photos"}


def test_a_search_finds_its_data_again(handstitch: Handstitch, photos: Path, machine: Path) -> None:
    above = f"../{machine.name}/photos"  # no range, though there are two dots
    words = ("--dataset", above, "--lr", "0.001", "0.01", *SMALL, "--workers", "0")
    first = handstitch("search", *words, "--out", "runs/s")
    assert first.code == 0, first.err
    for again in (("search", *words, "--out", "runs/s"), ("search", "--out", "runs/s")):
        assert handstitch(*again).code == 0
    shutil.rmtree(machine / "runs/s/trials/0001")
    resumed = handstitch("search", "--out", "runs/s", "--workers", "1")
    assert resumed.code == 0, resumed.err
    winner = handstitch("train", "--from-search", "runs/s", "--out", "runs/w")
    assert winner.code == 0, winner.err
    assert handstitch("test", "runs/w").code == 0


def test_own_validation_pictures_validate(handstitch: Handstitch, machine: Path) -> None:
    for part, each in (("train", 8), ("val", 3), ("test", 2)):
        write_photos(machine / "photos" / part, each)
    result = handstitch("train", "--dataset", "photos", *SMALL, "--json")
    assert result.code == 0, result.err
    assert (result.json["train_images"], result.json["val_images"]) == (80, 30)
    best = result.json["best_val_accuracy"]
    stats = handstitch("show", "weights", "--stats", "--json").json
    assert (stats["validation_images"], stats["val_accuracy"]) == (30, pytest.approx(best))
    assert handstitch("report").code == 0
    assert "30" in (machine / "runs/train/report.html").read_text()
    assert handstitch("test", "--json").json["n"] == 20


# ── predict ────────────────────────────────────────────────────────────────────────────────────


def test_pictures_folders_and_arrays_are_classified(
    handstitch: Handstitch, trained: Path, photos: Path, machine: Path
) -> None:
    shown = handstitch("predict", "photos/cat/0.png", "photos/dog/1.jpg")
    assert "\nModel: runs/a, best weights\n" in shown.out
    assert [line.split()[0] for line in shown.out.splitlines()[-2:]] == [
        "photos/cat/0.png",
        "photos/dog/1.jpg",
    ]
    folder = handstitch("predict", "runs/a", "photos", "--json").json
    assert len(folder["predictions"]) == 100
    assert folder["predictions"][2]["file"] == "photos/apple/2.png"  # natural order
    right = [Path(row["file"]).parent.name == row["predicted"] for row in folder["predictions"]]
    assert np.mean(right) > 0.3
    stack = np.stack([np.asarray(Image.open(f"photos/cat/{k}.png")) for k in (0, 2)])
    np.save("cats.npy", stack)
    np.savez("cats.npz", images=stack)
    of_file = handstitch("predict", "photos/cat/0.png", "photos/cat/2.png", "--json").json
    for name in ("cats.npy", "cats.npz"):
        of_array = handstitch("predict", name, "--json").json
        assert [row["file"] for row in of_array["predictions"]] == [f"{name}[0]", f"{name}[1]"]
        for one, other in zip(of_file["predictions"], of_array["predictions"], strict=True):
            assert one["probabilities"] == other["probabilities"]
    rows = list(csv.DictReader(io.StringIO(handstitch("predict", "cats.npy", "--csv").out)))
    answers = of_file["predictions"]
    assert [row["predicted"] for row in rows] == [row["predicted"] for row in answers]
    assert float(rows[0]["p(cat)"]) == answers[0]["probabilities"]["cat"]


def test_a_grey_picture_on_white_is_inverted_and_shown(
    handstitch: Handstitch, machine: Path
) -> None:
    handstitch("train", "--dataset", "sketch", *SMALL, "--out", "runs/s")
    images, _ = sketch.draw(1, 5)
    large = Image.fromarray(images[0]).resize((112, 112), Image.Resampling.NEAREST)
    large.save("dark.png")
    Image.eval(large, lambda level: 255 - level).convert("RGB").save("light.png")
    dark, light = (handstitch("predict", f"{name}.png") for name in ("dark", "light"))
    assert "inverted" not in dark.err
    assert "inverted, for the training images were on black: light.png" in light.err
    assert "As the network sees it:" in light.out
    assert dark.out.splitlines()[1:29] == light.out.splitlines()[1:29]
    one, other = (
        handstitch("predict", f"{name}.png", "--json").json["predictions"][0]["probabilities"]
        for name in ("dark", "light")
    )
    assert one == other


def test_a_probability_is_100_percent_only_where_it_is() -> None:
    from handstitch.cli.output import percent

    assert [percent(p) for p in (1.0, 0.99959, 0.9994, 0.5, 0.0005, 0.0004, 0.0)] == [
        "100.0 %", ">99.9 %", "99.9 %", "50.0 %", "0.1 %", "<0.1 %", "0.0 %",
    ]  # fmt: skip


def test_an_npz_is_a_model_by_its_weights_and_data_by_its_images(
    handstitch: Handstitch, trained: Path
) -> None:
    weights: dict[str, Any] = {"weights_0": np.zeros((2, 3)), "bias_0": np.zeros((1, 3))}
    images: dict[str, Any] = {"images": np.zeros((1, 12, 14, 3), np.uint8)}
    np.savez("both.npz", **weights, **images)
    np.savez("neither.npz", numbers=np.zeros(3))
    np.savez("weights.npz", **weights)
    for name, words in (
        ("both", "may be a model or data"),
        ("neither", "no model and no data"),
    ):
        refused = handstitch("predict", f"{name}.npz")
        assert refused.code == 2
        assert words in refused.err
    assert handstitch("predict", "weights.npz").code == 4  # a model, though of no use


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nope.png",), 2, "there is no such file"),
        (("nope",), 4, "no such model file or run"),
        (("photos/cat/0.png", "nope.jpg"), 2, "there is no such file"),
        (("photos/cat/0.png", "runs/a"), 2, "the model comes first"),
        (("photos/cat/0.png", "--rows", "3"), 2, "cannot be classified at once"),
        (("broken.png",), 3, "this picture cannot be used"),
        (("empty",), 3, "no pictures in this folder"),
        (("small.npy",), 3, "of another shape than the network's"),
    ],
)
def test_what_cannot_be_classified(
    handstitch: Handstitch, trained: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand then nothing")
    Path("empty").mkdir()
    np.save("small.npy", np.zeros((2, 5, 5, 3), np.uint8))
    refused = handstitch("predict", *words)
    assert (refused.code, message in refused.err) == (code, True), refused.err


def test_another_data_set_is_told_and_counted_as_test_does(
    handstitch: Handstitch, machine: Path
) -> None:
    handstitch("train", "--dataset", "sketch", *SMALL, "--out", "runs/s")
    images, labels = sketch.draw(60, 1)
    parts: dict[str, Any] = {"images_train": images, "labels_train": labels}
    np.savez("mine.npz", images_test=images, labels_test=labels, **parts)
    tested = handstitch("test", "runs/s", "--dataset", "mine.npz", "--json")
    predicted = handstitch("predict", "runs/s", "--dataset", "mine.npz", "--rows", "0:60", "--json")
    for result in (tested, predicted):
        assert result.code == 0, result.err
        assert "the network was trained on sketch" in result.err
    rows = predicted.json["predictions"]
    assert sum(row["true"] == row["predicted"] for row in rows) == tested.json["correct"]
    assert {row["true"] for row in rows} == set(map(str, range(10)))


# ── Formats ────────────────────────────────────────────────────────────────────────────────────


def write_formats(folder: Path, images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> None:
    """The same images in the order of their classes as pictures, CSV, Parquet, npz and IDX."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    order = np.argsort(labels, kind="stable")
    images, labels = images[order], labels[order]
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        target = folder / "pictures" / str(label) / f"{place}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(target)
    np.savez(folder / "npz.npz", images=images, labels=labels)
    (folder / "idx").mkdir()
    for name, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
        content = header(*array.shape) + array.astype(np.uint8).tobytes()
        (folder / "idx" / f"train-{name}").write_bytes(content)
    pixels = images.reshape(len(images), -1)
    names = ["label", *(f"pixel{k}" for k in range(1, 785))]
    table = np.column_stack([labels, pixels])
    with (folder / "csv.csv").open("w", newline="") as file:
        csv.writer(file).writerows([names, *table.tolist()])
    columns = dict(zip(names, table.T, strict=True))
    parquet.write_table(arrow.table(columns), folder / "parquet.parquet")


def test_five_formats_train_to_the_same_tensors(handstitch: Handstitch, machine: Path) -> None:
    images, labels = sketch.draw(200, 3)
    write_formats(machine, images, labels)
    digests = {}
    for name in ("pictures", "csv.csv", "parquet.parquet", "npz.npz", "idx"):
        result = handstitch("train", "--dataset", name, *SMALL, "--out", f"runs/{name}")
        assert result.code == 0, result.err
        model = load_model(machine / "runs" / name / "weights/best.safetensors")
        digests[name] = hashlib.sha256(model.parameters.vector.tobytes()).hexdigest()
    assert len(set(digests.values())) == 1, digests


@pytest.mark.parametrize("form", ["npz", "idx", "csv"])
def test_fashion_mnist_in_its_own_order_gives_its_own_weights(
    handstitch: Handstitch, machine: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the drawn set, whose parts are small: named by name, and as files of its arrays."""
    arrays = {part: sketch.draw(*loading._SKETCH[part]) for part in ("train", "test")}
    if form == "npz":
        own: dict[str, Any] = {
            f"{kind}_{part}": array
            for part, both in arrays.items()
            for kind, array in zip("xy", both, strict=True)
        }
        np.savez("own.npz", **own)
    else:
        (machine / "own").mkdir()
        for part, (images, labels) in arrays.items():
            if form == "csv":
                pytest.importorskip("pyarrow")
                rows = np.column_stack([labels, images.reshape(len(images), -1)]).tolist()
                with Path(f"own/own_{part}.csv").open("w", newline="") as file:
                    csv.writer(file).writerows([["label", *range(784)], *rows])
            else:
                stem = "train" if part == "train" else "t10k"
                for k, array in (("images.idx3", images), ("labels.idx1", labels)):
                    content = header(*array.shape) + array.tobytes()
                    Path(f"own/{stem}-{k}-ubyte").write_bytes(content)
    for name, out in (("sketch", "runs/a"), ("own.npz" if form == "npz" else "own", "runs/b")):
        assert handstitch("train", "--dataset", name, *SMALL, "--out", out).code == 0
    one, other = (
        load_model(machine / out / "weights/best.safetensors").parameters.vector.tobytes()
        for out in ("runs/a", "runs/b")
    )
    assert one == other


# ── A rare class ───────────────────────────────────────────────────────────────────────────────


QUICK = (
    "--dataset",
    "rare.npz",
    "--hidden",
    "24",
    *SMALL[-4:],
    "--dropout",
    "0",
    "--monitor",
    "loss",
)


@pytest.fixture
def rare(machine: Path) -> Path:
    """95 grey pictures of noise for 5 that are a little lighter, which overlap."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, n in (("train", 2000), ("test", 1000)):
        labels = np.where(np.arange(n) % 20 == 0, "rare", "usual")
        noise = rng.normal(0, 40, (n, 6, 6)) + 120 + 10 * (labels == "rare")[:, None, None]
        arrays |= {f"x_{part}": noise.clip(0, 255).astype(np.uint8), f"y_{part}": labels}
    np.savez(machine / "rare.npz", **arrays)
    return machine / "rare.npz"


def rare_recall(handstitch: Handstitch, run: str, *flags: str) -> float:
    trained = handstitch("train", *QUICK, "--epochs", "5", "--out", run, *flags)
    assert trained.code == 0, trained.err
    scores = handstitch("test", run, "--json").json["class_scores"]
    return next(float(score["recall"]) for score in scores if score["name"] == "rare")


def test_a_rare_class_is_recalled_with_class_weights(
    handstitch: Handstitch, rare: Path, machine: Path
) -> None:
    plain = rare_recall(handstitch, "runs/plain")
    balanced = rare_recall(handstitch, "runs/balanced", "--class-weight", "balanced")
    weights = json.loads((machine / "runs/balanced/summary.json").read_bytes())["class_weights"]
    assert 8 < weights["rare"] / weights["usual"] < 40
    assert plain < 0.4
    assert balanced > plain + 0.3
    (machine / "weights.csv").write_text("class,weight\nusual,1\nrare,19\n")
    weighted = rare_recall(handstitch, "runs/file", "--class-weight", "weights.csv")
    assert weighted > plain + 0.3
    typed = rare_recall(handstitch, "runs/typed", "--class-weight", "usual=1", "rare=19")
    assert typed == weighted


def test_a_run_keeps_the_weights_that_a_file_said(
    handstitch: Handstitch, rare: Path, machine: Path
) -> None:
    (machine / "weights.csv").write_text("usual,1\nrare,19\n")
    flags = ("--class-weight", "weights.csv", "--label-smoothing", "0.1", "--epochs", "2")
    assert handstitch("train", *QUICK, "--out", "runs/a", *flags).code == 0
    (machine / "weights.csv").unlink()
    recorded = 'class_weight = ["usual=1", "rare=19"]'
    assert recorded in (machine / "runs/a/config.toml").read_text()
    model = load_model(machine / "runs/a/weights/best.safetensors")
    assert model.config["class_weight"] == ["usual=1", "rare=19"]
    longer = handstitch("train", "--resume", "runs/a", "--epochs", "3")
    assert longer.code == 0, longer.err
    assert recorded in (machine / "runs/a/config.toml").read_text()
    other = handstitch("train", "--resume", "runs/a", "--class-weight", "balanced")
    assert other.code == 2
    assert "a run resumes with the settings it was started with" in other.err
    assert handstitch("report", "runs/a").code == 0
    assert "rare=19" in (machine / "runs/a/report.html").read_text()


def test_class_weights_of_other_classes_are_refused(
    handstitch: Handstitch, rare: Path, machine: Path
) -> None:
    for verb in (("train",), ("search", "--lr", "0.001", "0.01")):
        wrong = handstitch(*verb, "--dataset", "rare.npz", "--class-weight", "usual=1,common=2")
        assert wrong.code == 2
        assert "no weight of rare" in wrong.err
        assert "--class-weight balanced" in wrong.err
        assert not (machine / "runs").exists()
    missing = handstitch("train", "--dataset", "rare.npz", "--class-weight", "balance")
    assert missing.code == 2
    assert "perhaps: --class-weight balanced" in missing.err
