"""The command line as a program of its own: imports, pipes, streams, the same bytes twice."""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from handstitch import cli

SMALL_DATA = (
    "from handstitch.data import loading; "
    "loading._SKETCH = {'train': (300, 1), 'test': (60, 2)}; "
    "from handstitch.cli import main; main()"
)
HEAVY = ("numpy", "scipy", "msgspec", "safetensors", "pooch", "threadpoolctl", "rich.progress",
         "rich.markdown", "handstitch.config.schema", "handstitch.runs.run")  # fmt: skip


@pytest.fixture(autouse=True)
def buffered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output is written when it is flushed, as outside of tests."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


def start(*words: str, code: str = "from handstitch.cli import main; main()") -> list[str]:
    return [sys.executable, "-c", code, *words]


def run(*words: str, code: str = "from handstitch.cli import main; main()", **environment: str):
    return subprocess.run(
        start(*words, code=code),
        capture_output=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "0", **environment},
        check=False,
        timeout=60,
    )


def list_imports(code: str) -> set[str]:
    """The modules that Python has after `code`; what it prints is thrown away."""
    listing = "import sys, os; os.dup2(2, 1); sys.stdout.flush(); print(*sys.modules)"
    done = run(code=f"{code}\n{listing}")
    return set(done.stderr.decode().split())


def test_help_imports_nothing_heavy() -> None:
    """How long `--help` takes is measured, not tested; what makes it long is not imported."""
    modules = list_imports("from handstitch.cli import run; assert run(['--help']) == 0")
    assert "cyclopts" in modules
    assert not modules & set(HEAVY)


def test_the_package_alone_imports_next_to_nothing() -> None:
    modules = list_imports("import handstitch")
    assert "handstitch" in modules
    assert not modules & {*HEAVY, "cyclopts", "rich", "handstitch.errors"}


def test_config_needs_a_table_of_core_and_no_more() -> None:
    """The names of activations are those of core/activations.py, which imports NumPy."""
    modules = list_imports("from handstitch.cli import run; assert run(['config']) == 0")
    assert "handstitch.config.schema" in modules
    assert not modules & {"scipy", "safetensors", "rich.progress", "handstitch.core.network"}


def test_the_book_needs_the_blas_of_scipy_alone_and_a_test_no_processes() -> None:
    modules = list_imports("import handstitch.core.network, handstitch.search, handstitch.cli.test")
    assert "scipy.linalg._fblas" in modules
    assert not modules & {"scipy.linalg", "scipy._lib"}
    assert "multiprocessing" not in modules  # a search starts processes, `test` asks it a question


def test_python_does_not_look_for_cycles_while_it_imports_nor_at_its_exit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(gc, "set_threshold", lambda young: said.append(f"threshold {young}"))
    monkeypatch.setattr(gc, "freeze", lambda: said.append("freeze"))
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert said == ["threshold 100000", "freeze"]


@pytest.mark.parametrize("line", ["--help", "train --help", "config", "data info sketch"])
def test_a_closed_pipe_is_no_error(line: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        start(*line.split(), code=SMALL_DATA), stdout=writing, stderr=subprocess.PIPE
    ) as process:
        os.close(writing)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode in {0, 141}
    assert complaint == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("line", ["--help", "config", "config --json"])
def test_an_output_that_is_full_is_exit_5(line: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            start(*line.split()), stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.returncode == 5
    assert b"No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) <= 6


def test_no_output_at_all_is_no_error() -> None:
    code = "import sys; sys.stdout = None; from handstitch.cli import main; main()"
    done = run("config", code=code)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_without_greek_gets_escapes() -> None:
    done = run("train", "--help", PYTHONIOENCODING="ascii", COLUMNS="200")
    assert done.returncode == 0
    assert rb"(\u03bb/2)" in done.stdout
    done = run("config", "--json", "--config", "é.toml", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert rb"\xe9.toml" in done.stderr


def test_no_colour_without_a_terminal() -> None:
    for words in (["--help"], ["data", "info", "sketch"], ["xyzzy"]):
        done = run(*words, code=SMALL_DATA)
        assert b"\x1b" not in done.stdout + done.stderr


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "handstitch", "--version"], capture_output=True, check=True
    )
    assert done.stdout.startswith(b"handstitch ")


def test_two_processes_make_the_same_model_file(machine: Path) -> None:
    digests: list[tuple[str, str]] = []
    for folder in ("one", "two"):
        words = ("train", "--dataset", "sketch", "--hidden", "16", "--epochs", "2")
        more = ("--threads", "1", "--dropout", "0.2", "--optimizer", "adam", "--out", folder)
        done = run(*words, *more, code=SMALL_DATA, PYTHONHASHSEED=str(len(digests)))
        assert done.returncode == 0, done.stderr
        for name in ("best", "last"):
            file = machine / folder / "weights" / f"{name}.safetensors"
            digests.append((name, hashlib.sha256(file.read_bytes()).hexdigest()))
    assert digests[:2] == digests[2:]
