"""Environment of the pages' programs: a folder of their own, little drawn data, no network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handstitch.data import download, loading

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder in which programs run."""

    def unreachable(*arguments: object) -> None:
        raise download.UnreachableError("no network", found="no network", fix="none")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "_SKETCH", {"train": (600, 2017), "test": (100, 2018)})
    monkeypatch.setattr(loading, "_unreachable", {})
    monkeypatch.setattr(download, "fetch_files", unreachable)
    for name in [name for name in os.environ if name.startswith("HANDSTITCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path
