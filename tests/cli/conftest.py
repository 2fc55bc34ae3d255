"""A command line on an empty machine: nothing on its disk, no network, small drawn data."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from handstitch.cli import run
from handstitch.data import download, loading

IMAGES = {"train": 300, "test": 60}


class Result(NamedTuple):
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout."""
        return json.loads(self.out)


Handstitch = Callable[..., Result]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands run; nothing is in it."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for name in list(os.environ):
        if name.startswith("HANDSTITCH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(loading, "_unreachable", {})
    # Port 9 of this machine: nothing listens there, and the refusal is immediate.
    nowhere = ("http://127.0.0.1:9/first/", "http://127.0.0.1:9/second/")
    monkeypatch.setattr(download, "MIRRORS", dict.fromkeys(download.MIRRORS, nowhere))
    monkeypatch.setattr(download, "_SCHEME", "http://")
    drawn = {part: (n, seed) for seed, (part, n) in enumerate(IMAGES.items())}
    monkeypatch.setattr(loading, "_SKETCH", drawn)
    return work


@pytest.fixture
def handstitch(capsys: pytest.CaptureFixture[str]) -> Handstitch:
    """Run a command in this process: `handstitch("train", "--epochs", "1")`."""

    def call(*words: str) -> Result:
        capsys.readouterr()
        code = run(list(words))
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for copies of what commands wrote, so that each is run once in a session."""
    return tmp_path_factory.mktemp("kept")


def written(handstitch: Handstitch, kept: Path, folder: Path, *words: str) -> Path:
    """The folder that a command writes: by the command, or a copy of what it wrote before."""
    copy = kept / hashlib.sha256(repr(words).encode()).hexdigest()
    if copy.exists():
        shutil.copytree(copy, folder)
    else:
        result = handstitch(*words)
        assert result.code == 0, result.err
        shutil.copytree(folder, copy)
    return folder


@pytest.fixture
def trained(handstitch: Handstitch, kept: Path) -> Path:
    """The folder of a small run on drawn data."""
    words = ("--dataset", "sketch", "--hidden", "8", "--epochs", "2", "--threads", "1")
    return written(handstitch, kept, Path("runs", "train"), "train", *words)
