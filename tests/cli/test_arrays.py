"""The commands on a run whose images were passed from Python: no file holds them."""

from __future__ import annotations

from pathlib import Path

import pytest

import handstitch as hs
from handstitch import runs
from handstitch.data import sketch
from tests.cli.conftest import Handstitch

CONFIG = hs.Config.preset(
    "plain", hidden_sizes=(8,), epochs=2, batch_size=20, threads=1, backend="numpy"
)


@pytest.fixture
def stitched() -> hs.Dataset:
    return hs.Dataset.from_arrays(*sketch.draw(200, 3), sketch.CLASS_NAMES)


@pytest.fixture
def run(machine: Path, stitched: hs.Dataset) -> str:
    """The folder of a finished run."""
    return str(hs.train(CONFIG, stitched, "runs/arrays").folder)


@pytest.mark.parametrize("verb", ["test", "predict"])
def test_images_of_a_program_are_not_looked_for(handstitch: Handstitch, run: str, verb: str):
    result = handstitch(verb, run)
    assert (result.code, result.out) == (3, "")
    assert "its images are passed from Python" in result.err
    assert "evaluate(images, labels)" in result.err
    assert not Path(run, "test").exists()


def test_another_data_set_of_that_size_can_be_named(handstitch: Handstitch, run: str):
    assert handstitch("test", run, "--dataset", "sketch", "--json").json["n"] == 60
    assert not Path(run, "test").exists()  # not the run's own test
    assert handstitch("predict", run, "--dataset", "sketch").code == 0


def test_what_needs_no_images_is_shown(handstitch: Handstitch, run: str):
    result = handstitch("show", run)
    assert result.code == 0, result.err
    assert "arrays" in result.out
    result = handstitch("show", "weights", run, "--stats")
    assert result.code == 0, result.err


def test_the_page_is_made_without_figures_of_images(handstitch: Handstitch, run: str):
    result = handstitch("report", run)
    assert result.code == 0, result.err
    assert "its images are passed from Python" in result.err
    page = Path(run, "report.html").read_text("utf-8")
    assert "arrays" in page
    assert not Path(run, "confusion_matrix.png").exists()
    assert Path(run, "curves.png").exists()


def test_an_interrupted_run_is_for_python_to_resume(handstitch: Handstitch, stitched: hs.Dataset):
    with runs.create(CONFIG, stitched, "runs/half") as half:
        next(half.train())
    result = handstitch("train", "--resume", "runs/half")
    assert result.code == 3
    assert "resume(folder, data=dataset)" in result.err
    assert len(hs.resume("runs/half", stitched).state.history) == 2


@pytest.mark.parametrize("verb", ["train", "search --epochs 1 2"])
def test_arrays_are_no_choice_of_the_command_line(handstitch: Handstitch, machine: Path, verb: str):
    result = handstitch(*verb.split(), "--dataset", "arrays")
    assert result.code == 3
    assert "train(data=dataset)" in result.err
    assert not list(machine.iterdir())
    assert "arrays" not in handstitch(verb.split(maxsplit=1)[0], "--help").out
    result = handstitch(*verb.split(), "--dataset", "arays")
    assert result.code == 2
    assert "arrays" not in result.err


def test_the_settings_of_such_a_run_can_be_fed_back_with_a_data_set(
    handstitch: Handstitch, run: str
):
    settings = str(Path(run, "config.toml"))
    assert handstitch("train", "--config", settings).code == 3
    result = handstitch("train", "--config", settings, "--dataset", "sketch", "--out", "again")
    assert result.code == 0, result.err
