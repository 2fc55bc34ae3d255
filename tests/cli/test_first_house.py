"""Files made before Handstitch 0.1 are refused by every verb, in one line, and stay untouched.

`first_house` holds a run and a search that the code of before 0.1 wrote.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from handstitch import search as searches
from handstitch.config import Config
from handstitch.errors import ModelFileError
from handstitch.model import load_model, load_newest_state
from tests.cli.conftest import Handstitch

SAMPLES = Path(__file__).with_name("first_house")
RUN, SEARCH = "runs/run", "runs/search"
BEST = f"{RUN}/weights/best.safetensors"
VERBS = {
    "train --resume": ("train", "--resume", RUN),
    "test": ("test", RUN),
    "test the newest": ("test",),
    "test last": ("test", RUN, "--weights", "last"),
    "test a file": ("test", BEST),
    "predict": ("predict", RUN),
    "predict with a file": ("predict", BEST),
    "show": ("show", RUN),
    "show curves": ("show", "curves", RUN),
    "show curves of a file": ("show", "curves", BEST),
    "show weights": ("show", "weights", RUN),
    "show weights of a file": ("show", BEST),
    "report": ("report", RUN),
    "show a search": ("show", SEARCH),
    "train --from-search": ("train", "--from-search", SEARCH),
    "search --out": ("search", "--out", SEARCH),
    "search --out, all flags": (
        *("search", "--out", SEARCH, "--dataset", "sketch", "--epochs", "1", "--hidden", "1,1"),
        *("--optimizer", "sgd", "--lr", "0.1", "--threads", "1", "--workers", "0"),
    ),
}


@pytest.fixture
def former(machine: Path) -> Path:
    """The folder `runs` with a run and a search of before 0.1."""
    return Path(shutil.copytree(SAMPLES, machine / "runs"))


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below `folder`: its bytes and its time."""
    return {
        str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


def expect_refusal(handstitch: Handstitch, words: tuple[str, ...], former: Path) -> None:
    before = contents(former)
    result = handstitch(*words)
    assert result.code == 4, result.err
    assert result.out == ""
    problem, *facts = result.err.splitlines()
    kind = "search" if SEARCH in words else "model file" if BEST in words else "run"
    assert problem == f"handstitch: error: this {kind} was made before Handstitch 0.1"
    assert [line.split()[0] for line in facts] == ["file", "found", "fix"]
    assert contents(former) == before


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses(handstitch: Handstitch, former: Path, verb: str) -> None:
    expect_refusal(handstitch, VERBS[verb], former)


@pytest.mark.parametrize(
    "missing",
    [["summary.json", "test/looks.json"], ["summary.json", "test/looks.json", "weights/"]],
    ids=["interrupted", "just started"],
)
def test_an_unfinished_run_is_refused(
    handstitch: Handstitch, former: Path, missing: list[str]
) -> None:
    for file in [file for file in (former / "run").rglob("*") if file.is_file()]:
        if str(file.relative_to(former / "run")).startswith(tuple(missing)):
            file.unlink()
    for verb in ("train --resume", "test", "show", "report"):
        expect_refusal(handstitch, VERBS[verb], former)


def test_the_library_refuses(former: Path) -> None:
    last = former / "run" / "weights" / "last.safetensors"
    shutil.copy(last, last.with_name("last.previous.safetensors"))
    before = contents(former)
    for load in (load_model, load_newest_state):
        with pytest.raises(ModelFileError, match="before Handstitch"):
            load(last)
    spec = searches.make(Config.preset("plain"), {"learning_rate": [0.1]})
    with pytest.raises(ModelFileError, match="before Handstitch"):
        searches.run(spec, former / "search", searches.executors.serial())
    assert contents(former) == before


def test_a_settings_file_with_one_former_name_is_not_taken_for_a_former_run(
    handstitch: Handstitch, trained: Path
) -> None:
    config = trained / "config.toml"
    config.write_text(config.read_text().replace("monitor", "best_by"))
    result = handstitch("train", "--resume", str(trained))
    assert result.code == 2
    assert "best_by" in result.err
