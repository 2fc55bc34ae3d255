"""The real files where they can be found, and small ones that stand in for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from handstitch.data import catalog, download, loading, locations
from tests.data.idx_files import SmallDataSets

ROOT = Path(__file__).resolve().parents[2]


def _folder(beside: str, variable: str | None = None) -> Path:
    named = os.environ.get(variable, "") if variable else ""
    candidates = [Path(named), Path(named) / "fashion-mnist"] if named else []
    candidates.append(ROOT.parent / "shared" / beside)
    for folder in candidates:
        if (folder / "t10k-labels-idx1-ubyte.gz").is_file():
            return folder
    pytest.skip(f"no {beside} files in {', '.join(str(each) for each in candidates)}")


@pytest.fixture(scope="session")
def fashion_mnist() -> Path:
    """The folder of the real Fashion-MNIST."""
    return _folder("fashion-mnist", locations.VARIABLE)


@pytest.fixture(scope="session")
def mnist_test_half() -> Path:
    """A folder with the real MNIST's two test files."""
    return _folder("mnist-test")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> SmallDataSets:
    """Small data sets under the real names, known to the program as the published ones."""
    sets = SmallDataSets()
    monkeypatch.setattr(catalog, "FILES", tuple(sets.files))
    return sets


@pytest.fixture
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home, a cache and a current folder with nothing in them, and no network."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(locations.VARIABLE, raising=False)
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    monkeypatch.setattr(loading, "_unreachable", {})
    # Port 9 of this machine: nothing listens there, and the refusal is immediate.
    nowhere = ("http://127.0.0.1:9/first/", "http://127.0.0.1:9/second/")
    monkeypatch.setattr(download, "MIRRORS", dict.fromkeys(download.MIRRORS, nowhere))
    monkeypatch.setattr(download, "_SCHEME", "http://")
    yield tmp_path
    loading._unreachable.clear()
