"""handstitch show: the epochs and the weights in tables, and pictures where they belong."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handstitch.data import loading
from handstitch.errors import DataError
from handstitch.model import load_model, save_model
from handstitch.runs.history import history_csv, read_records
from tests.cli.conftest import Handstitch
from tests.figures.conftest import history, texts
from tests.sample_models import report_arrays, sample

PNG = b"\x89PNG"


@pytest.fixture
def long_run(machine: Path) -> Path:
    """A folder that says of itself that it is a run of 1,000 epochs."""
    folder = machine / "runs" / "long"
    folder.mkdir(parents=True)
    (folder / "config.toml").touch()
    (folder / "history.csv").write_text(history_csv(history(1_000)))
    return Path("runs", "long")


def test_curves_of_the_newest_run_are_a_table_and_a_picture_in_its_folder(
    handstitch: Handstitch, trained: Path
) -> None:
    result = handstitch("show", "curves")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == f"Run: {trained}"
    assert lines[-1] == f"Picture: {trained / 'curves.png'}"
    picture = (trained / "curves.png").read_bytes()
    assert picture.startswith(PNG)
    records = read_records(trained)
    assert [record.epoch for record in records] == [1, 2]
    for record in records:
        row = next(line.split() for line in lines if line.split()[:1] == [str(record.epoch)])
        assert row[1:5] == [
            f"{value:.4f}"
            for value in (
                record.train_loss, record.train_accuracy, record.val_loss, record.val_accuracy,
            )
        ]  # fmt: skip
    assert result.out.count("best") == 1
    assert all(len(line) <= 80 and line == line.rstrip() for line in lines)
    assert handstitch("show", "curves", str(trained)).code == 0
    assert (trained / "curves.png").read_bytes() == picture


def test_show_alone_decides_by_what_is_there(handstitch: Handstitch, trained: Path) -> None:
    plain = handstitch("show")
    assert plain.out == handstitch("show", "curves", str(trained)).out
    assert plain.out == handstitch("show", str(trained)).out
    (trained / "report.html").touch()
    assert handstitch("show").out.splitlines()[-1] == f"Page: {trained / 'report.html'}"
    assert handstitch("show", "--json").json["path"] == str(trained)
    file = trained / "weights" / "best.safetensors"
    assert handstitch("show", str(file)).out == handstitch("show", "weights", str(file)).out


@pytest.mark.parametrize("style", ["course", "handstitch"])
def test_a_picture_goes_where_it_is_wanted_and_in_chinese(
    handstitch: Handstitch, trained: Path, style: str
) -> None:
    words = ("show", "curves", "--style", style, "--lang", "zh")
    result = handstitch(*words, "--out", "new/here.svg")
    assert result.code == 0
    assert "Picture: new/here.svg" in result.out
    written = set(texts(Path("new/here.svg").read_text("utf-8")))
    assert {"训练轮次", "损失"} <= written
    assert ("学习率" in written) == (style == "handstitch")
    assert handstitch(*words, "--out", "here.png").code == 0
    assert Path("here.png").read_bytes().startswith(PNG)
    assert not (trained / "curves.png").exists()


def test_json_holds_every_epoch(handstitch: Handstitch, long_run: Path) -> None:
    found = handstitch("show", "curves", "--json").json
    assert found["path"] == str(long_run)
    assert found["picture"] == str(long_run / "curves.png")
    assert [each["epoch"] for each in found["epochs"]] == list(range(1, 1_001))
    assert found["epochs"][749]["is_best"]


def test_a_long_run_has_a_short_table(handstitch: Handstitch, long_run: Path) -> None:
    result = handstitch("show", "curves")
    rows = [line.split() for line in result.out.splitlines() if line[:1].isdigit()]
    assert next(row[0] for row in rows if len(row) > 5) == "1"
    assert {"750", "1,000"} <= {row[0] for row in rows}
    assert len(rows) <= 26
    assert f"of 1,000 epochs; all: {long_run / 'history.csv'}" in result.out


def test_a_model_file_knows_its_epochs_but_not_where_to_put_a_picture(
    handstitch: Handstitch, trained: Path
) -> None:
    before = sorted(trained.rglob("*"))
    for verb in ("curves", "weights"):
        result = handstitch("show", verb, str(trained / "weights" / "last.safetensors"))
        assert result.code == 0
        assert "--out FILE.png" in result.err
        assert "Picture" not in result.out
    assert sorted(trained.rglob("*")) == before
    assert "seconds" not in handstitch("show", "curves", str(before[-1])).out


def test_a_damaged_table_is_answered_from_the_state(handstitch: Handstitch, trained: Path) -> None:
    whole = handstitch("show", "curves", "--json").json["epochs"]
    (trained / "history.csv").write_text("epoch,train_loss\n1,high\n")
    epochs = handstitch("show", "curves", "--json").json["epochs"]
    assert [each["val_loss"] for each in epochs] == [each["val_loss"] for each in whole]


def test_weights_are_counted_and_drawn(handstitch: Handstitch, trained: Path) -> None:
    result = handstitch("show", "weights")
    assert (result.code, result.err) == (0, "")
    model = load_model(trained / "weights" / "best.safetensors")
    for number, W in enumerate(model.parameters.weights, 1):
        row = next(line.split() for line in result.out.splitlines() if line[:1] == str(number))
        assert row[1:3] == [str(side) for side in W.shape]
        found = [float(word) for word in row[3:]]
        assert found == pytest.approx([W.min(), W.max(), W.mean(), W.std()], abs=6e-5)
    assert result.out.splitlines()[-1] == f"Picture: {trained / 'weights.png'}"
    with Image.open(io.BytesIO((trained / "weights.png").read_bytes())) as picture:
        assert picture.width > 1000
    found = handstitch("show", "weights", "--weights", "last", "--json").json
    assert found["weights"] == "last"
    sides = ("layer", "inputs", "outputs")
    assert [tuple(layer[side] for side in sides) for layer in found["layers"]] == [
        (1, 784, 8), (2, 8, 4), (3, 4, 10),
    ]  # fmt: skip


@pytest.mark.parametrize("data", ["at hand", "gone"])
def test_report_and_show_weights_draw_the_same_picture(
    handstitch: Handstitch, trained: Path, monkeypatch: pytest.MonkeyPatch, data: str
) -> None:
    def gone(*arguments: object, **options: object) -> None:
        raise DataError("the data are gone", found="nothing")

    if data == "gone":
        monkeypatch.setattr(loading, "load", gone)
    assert handstitch("report", str(trained)).code == 0
    picture = (trained / "weights.png").read_bytes()
    assert handstitch("show", "weights", str(trained)).code == 0
    assert (trained / "weights.png").read_bytes() == picture


def test_the_reports_file_has_weights_but_no_epochs(handstitch: Handstitch, machine: Path) -> None:
    np.savez(machine / "best.npz", **report_arrays())  # type: ignore[arg-type]
    result = handstitch("show", "best.npz", "--out", "weights.svg")
    assert result.code == 0
    assert {"Layer 1: 784 → 16", "First layer: 16 of 16 units, the most used first"} <= set(
        texts(Path("weights.svg").read_text("utf-8"))
    )
    result = handstitch("show", "curves", "best.npz")
    assert (result.code, result.out) == (4, "")
    assert "weights without a history" in result.err


def test_what_cannot_be_shown_is_told(handstitch: Handstitch, machine: Path, trained: Path) -> None:
    for words, code, told in [
        (["curve"], 2, "perhaps: handstitch show curves"),
        (["nowhere"], 2, "a run folder, a search, a model file, or one of: curves"),
        (["curves", "nowhere"], 2, f"name one of: {trained}"),
        (["weights", "nowhere"], 4, "there is no such model file"),
        (["curves", str(machine)], 2, "this is not a run"),
        (["curves", "--out", "x.jpg"], 2, "--out x.png"),
        (["curves", "--out", ""], 2, "a name that ends in .png or .svg"),
        (["curves", "--lang", "fr"], 2, "en, zh"),
    ]:
        result = handstitch("show", *words)
        assert (result.code, result.out) == (code, ""), words
        assert told in result.err
        assert len(result.err.splitlines()) <= 6


def test_a_run_without_an_epoch_has_no_curves(handstitch: Handstitch, long_run: Path) -> None:
    (long_run / "history.csv").unlink()
    result = handstitch("show", "curves")
    assert (result.code, result.out) == (2, "")
    assert "this run has no finished epoch" in result.err


def test_a_history_that_is_none_is_a_bad_model_file(handstitch: Handstitch, machine: Path) -> None:
    save_model("odd.safetensors", sample())  # its only record has three fields
    result = handstitch("show", "curves", "odd.safetensors")
    assert result.code == 4
    assert "the history in this file is invalid" in result.err


def test_a_picture_that_cannot_be_written_leaves_the_old_one(
    handstitch: Handstitch, trained: Path
) -> None:
    (trained / "curves.png").mkdir()
    result = handstitch("show", "curves")
    assert result.code == 5
    assert "Run: " in result.out
    assert "--out curves.png" in result.err


def test_a_run_with_a_hostile_name_is_shown_as_text(
    handstitch: Handstitch, long_run: Path, machine: Path
) -> None:
    hostile = machine / "runs" / "\x1b[31mred\u202e"
    shutil.move(long_run, hostile)
    result = handstitch("show", str(hostile))
    assert result.code == 0
    assert not any(each in result.out + result.err for each in "\x1b\u202e")
    assert (hostile / "curves.png").read_bytes().startswith(PNG)
