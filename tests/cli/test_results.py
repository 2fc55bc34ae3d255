"""What the verbs print, on small drawn data: train, test, predict, config, data, doctor."""

from __future__ import annotations

import io
import re
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from matplotlib.figure import Figure

from handstitch import figures
from handstitch.cli import doctor
from handstitch.cli.progress import RunProgress
from handstitch.config import Config
from handstitch.config.schema import field_types
from handstitch.machine import libraries
from handstitch.records import EpochRecord
from tests.cli.conftest import IMAGES, Handstitch
from tests.sample_models import report_arrays

SMALL = ("--dataset", "sketch", "--hidden", "8", "--epochs", "2", "--threads", "1")
EPOCH = re.compile(
    r"Epoch (\d), Train Loss: \d\.\d{4}, Val Loss: \d\.\d{4}, Val Accuracy: [01]\.\d{4}(, best)?"
)


def test_train_prints_the_epochs_in_the_reports_wording_and_its_folder(
    handstitch: Handstitch, machine: Path
) -> None:
    result = handstitch("train", *SMALL)
    first, second, best, folder, test = result.out.splitlines()
    assert result.code == 0
    assert [EPOCH.fullmatch(line)[1] for line in (first, second)] == ["1", "2"]  # type: ignore[index]
    assert best.startswith("Best: epoch ")
    assert folder == "Run folder: runs/train"
    assert test == "Test it: handstitch test runs/train"
    assert "not Fashion-MNIST" in result.err
    names = {path.name for path in (machine / "runs" / "train").iterdir() if path.is_file()}
    assert {"config.toml", "history.csv", "summary.json", "train.log", "README.md"} <= names
    log = (machine / "runs" / "train" / "train.log").read_text()
    assert log.splitlines()[0].startswith("Epoch 1, Train Loss: ")


@pytest.mark.parametrize(("terminal", "columns"), [(True, 100), (True, 99), (False, 200)])
def test_rate_and_seconds_stand_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, columns: int
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", "dumb")  # without colours
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", str(columns))
    trainer = SimpleNamespace(batches=[0])
    run: Any = SimpleNamespace(trainer=trainer, config=SimpleNamespace(epochs=1))
    record = EpochRecord(
        epoch=1,
        train_loss=0.57021,
        train_accuracy=0.79,
        val_loss=0.45188,
        val_accuracy=0.8395,
        l2_penalty=0.0,
        learning_rate=0.0015,
        train_seconds=0.7,
        seconds=0.791,
        is_best=True,
    )
    progress = RunProgress(run)
    progress.epoch(record)
    assert progress.bar is None  # without a terminal rich is not asked for one
    line = "Epoch 1, Train Loss: 0.5702, Val Loss: 0.4519, Val Accuracy: 0.8395, best"
    wide = terminal and columns >= 100
    assert stream.getvalue() == line + (" (rate 0.0015, 0.79 s)\n" if wide else "\n")


def test_the_bar_shows_the_position_and_the_figures_of_the_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    batches = MagicMock(__len__=lambda self: 40, mean_weight=2.0)
    trainer = SimpleNamespace(batches=batches)
    run: Any = SimpleNamespace(trainer=trainer, config=SimpleNamespace(epochs=5))
    progress = RunProgress(run)
    state: Any = SimpleNamespace(
        epoch=2, batch=32, samples=3200, train_seconds=0.5, loss=3200.0, correct=2400
    )
    progress.after_step(state)
    assert progress.bar is not None
    (task,) = progress.bar.tasks
    assert (task.total, task.completed, task.description) == (200, 2 * 40 + 32, "Epoch 3/5")
    assert task.fields["live"] == "6,400 images/s  loss 0.5000  accuracy 0.7500"
    state.batch = 33
    progress.after_step(state)
    assert task.completed == 112
    state.batch, state.train_seconds = 16, 0.0
    progress.after_step(state)
    assert task.completed == 96
    assert task.fields["live"].startswith("0 images/s")


def test_train_json_is_one_object_and_nothing_else(handstitch: Handstitch) -> None:
    result = handstitch("train", *SMALL, "--json")
    assert result.json["run"] == "runs/train"
    assert result.json["dataset"] == "sketch"
    assert result.json["sizes"] == [784, 8, 4, 10]
    assert result.json["epochs"] == 2
    assert len(EPOCH.findall(result.err)) == 2


def test_the_config_of_a_run_can_be_fed_back(handstitch: Handstitch, trained: Path) -> None:
    again = handstitch("train", "--config", str(trained / "config.toml"), "--out", "again")
    assert again.code == 0
    best = Path("weights", "best.safetensors")
    assert (trained / best).read_bytes() == (Path("again") / best).read_bytes()


def test_auto_without_data_says_loudly_that_it_is_sketch(handstitch: Handstitch) -> None:
    result = handstitch("train", "--hidden", "8", "--epochs", "1", "--threads", "1")
    assert result.code == 0
    assert "NOT Fashion-MNIST" in result.err
    assert "handstitch data fetch fashion-mnist" in result.err
    assert max(map(len, result.err.splitlines())) <= 100
    assert "Run folder: runs/train-sketch" in result.out
    assert "on sketch, drawn data" in result.out
    assert "These are not photographs" in Path("runs/train-sketch/README.md").read_text()


def test_fashion_mnist_by_name_is_not_answered_with_drawings(
    handstitch: Handstitch, machine: Path
) -> None:
    result = handstitch("train", "--dataset", "fashion-mnist")
    assert (result.code, result.out) == (3, "")
    assert "--data-dir" in result.err
    assert "--dataset sketch" in result.err
    assert not (machine / "runs").exists()


def test_a_batch_larger_than_the_data_is_a_notice(handstitch: Handstitch) -> None:
    result = handstitch("train", *SMALL, "--batch-size", "1000")
    assert result.code == 0
    assert "a batch of 1,000 is more than the 270 training images" in result.err


def test_a_folder_that_holds_a_run_is_left_alone(handstitch: Handstitch, trained: Path) -> None:
    before = (trained / "config.toml").read_bytes()
    result = handstitch("train", *SMALL, "--seed", "5", "--out", str(trained))
    assert result.code == 2
    assert f"--resume {trained}" in result.err
    assert (trained / "config.toml").read_bytes() == before


def test_divergence_is_exit_6_with_a_smaller_rate(handstitch: Handstitch) -> None:
    result = handstitch("train", *SMALL, "--optimizer", "sgd", "--lr", "1e6")
    assert result.code == 6
    assert "try --learning-rate" in result.err


@pytest.mark.parametrize("weights", ["best", "last"])
def test_test_prints_the_figures_of_the_newest_run(
    handstitch: Handstitch, trained: Path, weights: str
) -> None:
    result = handstitch("test", "--weights", weights)
    assert (result.code, result.err) == (0, "")
    assert f"Model: {trained}, {weights} weights" in result.out
    assert "sketch (drawn by Handstitch, not photographs), 60 test images" in result.out
    assert "Ankle boot" in result.out
    assert "Most confused" in result.out
    last = result.out.splitlines()[-1]
    assert re.fullmatch(
        r"Test accuracy: 0\.\d{4} \(95 % interval 0\.\d{4} to 0\.\d{4}, \d+ of 60\)", last
    )
    assert all(line == line.rstrip() for line in result.out.splitlines())


def test_test_json_holds_the_same(handstitch: Handstitch, trained: Path) -> None:
    result = handstitch("test", str(trained), "--json")
    found = result.json
    assert (found["dataset"], found["n"], found["weights"]) == ("sketch", IMAGES["test"], "best")
    matrix = np.array(found["confusion_matrix"])
    assert matrix.sum() == IMAGES["test"]
    assert np.trace(matrix) == found["correct"] == round(found["accuracy"] * found["n"])
    low, high = found["accuracy_interval"]
    assert low < found["accuracy"] < high
    assert found["loss"] > 0
    plain = handstitch("test", str(trained)).out
    assert f"Test accuracy: {found['accuracy']:.4f}" in plain
    assert f"Test loss: {found['loss']:.4f}" in plain
    assert f"Calibration error: {found['calibration_error']:.4f}" in plain


def test_a_missing_file_is_exit_4(handstitch: Handstitch) -> None:
    result = handstitch("test", "nowhere.safetensors")
    assert (result.code, result.out) == (4, "")
    assert "there is no such model file" in result.err


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_weights_in_the_reports_layout_are_tested(
    handstitch: Handstitch, machine: Path, save: object
) -> None:
    arrays = report_arrays()
    # A network that calls everything a bag: its accuracy is the fraction of bags.
    for name in arrays:
        arrays[name][:] = 0
    arrays["bias_4"][0, 8] = 5
    save(machine / "best.npz", **arrays)  # type: ignore[operator]
    found = handstitch("test", "best.npz", "--dataset", "sketch", "--json").json
    matrix = np.array(found["confusion_matrix"])
    assert found["weights"] == "best.npz"
    assert matrix[:, 8].sum() == IMAGES["test"]
    assert found["accuracy"] == pytest.approx(matrix[8].sum() / IMAGES["test"])


def test_predict_says_what_is_on_images(handstitch: Handstitch, trained: Path) -> None:
    rows = handstitch("predict", "--rows", "3", "10:12", "--json").json["predictions"]
    assert [row["row"] for row in rows] == [3, 10, 11]
    for row in rows:
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-6)
        assert max(row["probabilities"], key=row["probabilities"].get) == row["predicted"]
    table = handstitch("predict", str(trained), "--rows", "3", "10:12").out
    assert "sketch, test" in table
    wrong = [row["true"] != row["predicted"] for row in rows]
    assert [line.endswith("wrong") for line in table.splitlines()[-3:]] == wrong


@pytest.mark.parametrize("rows", ["x", "60", "-1", "5:5", "7:3", "0:61", "1:2:3"])
def test_rows_that_there_are_not(handstitch: Handstitch, trained: Path, rows: str) -> None:
    result = handstitch("predict", f"--rows={rows}")
    assert result.code == 2
    assert f"invalid rows {rows}" in result.err
    assert "indices from 0 to 59" in result.err


def test_config_prints_what_can_be_fed_back(handstitch: Handstitch, machine: Path) -> None:
    words = ("config", "--hidden", "300", "100", "--activation", "tanh", "--optimizer", "sgd")
    text = handstitch(*words).out
    assert re.search(r'^optimizer = "sgd" +# command line$', text, re.MULTILINE)
    assert re.search(r"^learning_rate = 0.1 +# default for sgd$", text, re.MULTILINE)
    (machine / "mine.toml").write_text(text)
    fed = handstitch("config", "--config", "mine.toml", "--json").json
    assert fed["config"] == tomllib.loads(text)
    assert set(fed["origins"].values()) == {"mine.toml"}
    assert Config(**fed["config"]).hidden_sizes == (300, 100)


def test_every_flag_arrives(handstitch: Handstitch) -> None:
    default = handstitch("config", "--preset", "course", "--json").json["config"]
    other = {
        "dataset": "mnist", "image_size": [9, 8], "grayscale": True, "images_key": "x",
        "labels_key": "y", "validation": 0.2, "stratified": True, "scaling": "255",
        "shift": 3, "flip": True, "erase": 0.7, "mixup": 0.4, "hidden_sizes": [9, 8, 7],
        "receptive_field": [3, 5], "activation": ["elu", "tanh", "sigmoid"],
        "initialization": "lecun", "dropout": 0.3, "input_dropout": 0.4, "optimizer": "adamw",
        "learning_rate": 0.5, "momentum": 0.6, "beta1": 0.7, "beta2": 0.8, "epsilon": 1e-5,
        "weight_decay": 1e-4, "decay_biases": False, "decoupled": True, "reduction": "mean",
        "class_weight": ["a b=1.5", "c=2"], "label_smoothing": 0.1, "clip_norm": 2.5,
        "schedule": "one-cycle", "warmup": 1.5, "decay_epochs": 2.0,
        "decay_factor": 0.9, "final_rate_fraction": 0.1, "plateau_patience": 7, "epochs": 4,
        "batch_size": 3, "monitor": "loss", "patience": 2, "seed": 11, "threads": 2,
        "backend": "numpy", "precision": "bfloat16",
    }  # fmt: skip
    assert set(other) == set(field_types())
    words = ["config", "--preset", "course", "--json"]
    for name, value in other.items():
        assert value != default[name]
        flag = {"hidden_sizes": "hidden"}.get(name, name.replace("_", "-"))
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", *map(str, value if isinstance(value, list) else [value])]
    assert handstitch(*words).json["config"] == other


def test_variables_reach_the_command_line(
    handstitch: Handstitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDSTITCH_EPOCHS", "7")
    monkeypatch.setenv("HANDSTITCH_SEED", "3")
    found = handstitch("config", "--seed", "4", "--json").json
    assert (found["config"]["epochs"], found["origins"]["epochs"]) == (7, "environment")
    assert (found["config"]["seed"], found["origins"]["seed"]) == (4, "command line")
    monkeypatch.setenv("HANDSTITCH_EPOCS", "7")
    result = handstitch("config")
    assert result.code == 2
    assert "HANDSTITCH_EPOCHS" in result.err


def test_data_info_counts_and_sums(handstitch: Handstitch) -> None:
    found = handstitch("data", "info", "sketch", "--json").json
    plain = handstitch("data", "info", "sketch").out
    assert [part["images"] for part in found["parts"]] == list(IMAGES.values())
    for part in found["parts"]:
        assert sum(part["counts"].values()) == part["images"]
        assert f"{part['digest']}  pixels and labels of {part['part']}" in plain
    assert re.search(r"^train +300 +28 × 28 ", plain, re.MULTILINE)


def test_data_info_draws_what_is_trained_on(
    handstitch: Handstitch, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []

    def draw(*given: Any) -> Figure:
        drawn.append(given)
        return Figure()

    monkeypatch.setattr(figures, "contact_sheet", draw)
    words = ("data", "info", "sketch", "--out", "sheet.png")
    for flags in ((), ("--shift", "0", "--flip"), ("--shift", "0", "--flip", "--json")):
        assert handstitch(*words, *flags).code == 0
    assert (machine / "sheet.png").is_file()
    (plain, labels, _), (varied, shown, _), _ = drawn
    assert len(plain) == IMAGES["train"]
    np.testing.assert_array_equal(shown, np.repeat(np.arange(10), 10))
    for label in range(10):
        first = plain[labels == label][0]
        mirrored = [np.array_equal(one, first[:, ::-1]) for one in varied[10 * label :][:10]]
        assert mirrored in ([False, True] * 5, [True, False] * 5)


def test_data_info_auto_says_why_it_is_sketch(handstitch: Handstitch) -> None:
    result = handstitch("data", "info")
    assert result.code == 0
    assert "this is sketch, drawn data: Fashion-MNIST is not on this machine" in result.err


def test_fetching_without_a_network_is_exit_5(handstitch: Handstitch) -> None:
    result = handstitch("data", "fetch")
    assert (result.code, result.out) == (5, "")
    assert "--data-dir" in result.err


def test_doctor_says_what_is_there(handstitch: Handstitch, trained: Path) -> None:
    found = handstitch("doctor", "--json").json
    assert found["cores"] >= 1
    assert found["runs"] == 1
    assert any("of scipy" in blas for blas in found["BLAS"])
    assert found["data"][0].startswith("fashion-mnist: not on this machine")
    plain = handstitch("doctor").out
    assert found["processor"] in plain
    assert all(line == line.rstrip() for line in plain.splitlines())


@pytest.mark.parametrize(
    ("owner", "preferred", "words"),
    [
        ("scipy", "Haswell", "kernel Haswell (chosen for this processor)"),
        ("scipy", None, "kernel Haswell"),
        ("scipy", "Zen", "kernel Haswell"),
        ("numpy", "Haswell", "kernel Haswell"),
        ("numpy", "Zen", "kernel Haswell"),
    ],
)
def test_doctor_says_which_kernels_were_chosen_and_warns_of_those_that_train(
    monkeypatch: pytest.MonkeyPatch, owner: str, preferred: str | None, words: str
) -> None:
    pool = {
        "filepath": f"/site-packages/{owner}.libs/libopenblas.so", "architecture": "Haswell",
        "internal_api": "openblas", "version": "0.3", "num_threads": 2,
    }  # fmt: skip
    monkeypatch.setattr(libraries, "preferred_kernel", lambda: preferred)
    first, *warnings = doctor._blas(pool)
    assert first == f"openblas 0.3, {words}, 2 threads, of {owner}"
    assert len(warnings) == ((owner, preferred) == ("scipy", "Zen"))


def test_gradcheck_passes_and_says_how_well(handstitch: Handstitch) -> None:
    words = ("gradcheck", "--hidden", "12", "6", "--activation", "sigmoid", "--dropout", "0.3")
    result = handstitch(*words)
    assert result.code == 0
    assert "Back-propagation agrees with the complex step" in result.out
    found = handstitch(*words, "--json").json
    assert found["passed"]
    assert found["worst"] <= 1e-9
