"""A reader who edits core trains what he wrote; the numba backend steps aside, and says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from handstitch import compiled
from handstitch.compiled import comparison
from tests.compiled import __main__ as compare

PACKAGE = Path(compiled.__file__).parents[1]
TRAIN = ["-m", "handstitch", "train", "--dataset", "sketch", "--hidden", "8", "--epochs", "1"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, to be edited."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(PACKAGE, tmp_path / "src" / "handstitch", ignore=ignored))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


ONE_EPOCH = """
from handstitch import Config, runs
config = Config(dataset="sketch", hidden_sizes=(8,), epochs=2, backend="numpy")
with runs.create(config, out="run") as run:
    next(run.train())
"""


def run(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """python … with the copy of the package."""
    environment = {**os.environ, "PYTHONPATH": str(copy.parent)}
    return subprocess.run(
        [sys.executable, *words],
        cwd=copy.parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def plant(copy: Path) -> None:
    edit(
        copy / "core" / "network.py",
        "        for layer, (W, _) in reversed(",
        '        raise RuntimeError("planted")\n        for layer, (W, _) in reversed(',
    )


def test_core_is_the_text_that_both_backends_were_compared_with() -> None:
    assert comparison.edited_files() == [], "compare the backends again: make compare"


def test_a_raise_in_backward_is_hit_and_the_first_line_says_why(copy: Path) -> None:
    plant(copy)
    result = run(copy, *TRAIN)
    first = result.stderr.splitlines()[0]
    assert first.startswith("handstitch: backend: numpy: core/network.py was edited"), first
    assert "RuntimeError: planted" in result.stderr
    assert result.returncode == 1


def test_numba_on_an_edited_core_is_refused(copy: Path) -> None:
    plant(copy)
    result = run(copy, *TRAIN, "--backend", "numba")
    assert result.returncode == 2
    assert "core/network.py was edited" in result.stderr
    assert not (copy.parents[1] / "runs").exists()


def test_a_resumed_run_says_that_core_changed(copy: Path) -> None:
    assert run(copy, "-c", ONE_EPOCH).returncode == 0
    edit(copy / "core" / "network.py", "dropout acts on the", "dropout works on the")
    result = run(copy, "-m", "handstitch", "train", "--resume", "run")
    assert result.returncode == 0, result.stderr
    assert "core/ was edited since the run was saved" in result.stderr


def test_line_ends_do_not_count(monkeypatch: pytest.MonkeyPatch, copy: Path) -> None:
    for file in (copy / "core").glob("*.py"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(comparison, "_CORE", copy / "core")
    comparison.core_digests.cache_clear()
    assert comparison.edited_files() == []
    (copy / "core" / "network.py").unlink()  # a package without sources
    comparison.core_digests.cache_clear()
    assert comparison.edited_files() == []
    comparison.core_digests.cache_clear()


@pytest.mark.parametrize("status", [0, 1])
def test_only_a_comparison_that_passed_is_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int
) -> None:
    record = tmp_path / "compared.json"
    record.write_text("{}", encoding="utf-8")
    monkeypatch.setattr(comparison, "RECORD", record)
    assert "network.py" in comparison.edited_files()
    monkeypatch.setattr(pytest, "main", lambda words: status)
    assert compare.main() == status
    assert ("network.py" in comparison.edited_files()) == bool(status)
