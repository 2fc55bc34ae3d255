"""Searches as programs of their own, what they left, and what is still running of them."""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from handstitch import cli
from handstitch import search as searches
from handstitch.data import loading

ROOT = Path(__file__).resolve().parents[2]
GRID = (
    *("--dataset", "sketch", "--hidden", "8", "16,8", "--lr", "0.05", "0.1"),
    *("--epochs", "3", "--seeds", "2"),
)
"""Eight trials."""


def command(*words: str, ranks: int = 0) -> list[str]:
    """What starts a search; with `ranks`, under mpiexec."""
    program = ["-m", "tests.search.program", "search", *words]
    if not ranks:
        return [sys.executable, *program]
    mpiexec = Path(sys.executable).with_name("mpiexec")
    return [str(mpiexec), "-n", str(ranks), sys.executable, "-m", "mpi4py.futures", *program]


def start(*words: str, ranks: int = 0, **environment: str) -> subprocess.Popen[str]:
    """Start a search in a process group of its own."""
    kept = {name: text for name, text in os.environ.items() if "HANDSTITCH" not in name}
    return subprocess.Popen(
        command(*words, ranks=ranks),
        cwd=ROOT,
        env={**kept, "OPENBLAS_NUM_THREADS": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(*words: str, ranks: int = 0, **environment: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a search."""
    process = start(*words, ranks=ranks, **environment)
    try:
        out, complaint = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, out, complaint


def run_here(*words: str) -> int:
    """The exit code of the same search in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_SKETCH", {"train": (300, 0), "test": (60, 1)})
        return cli.run(["search", *words, "--workers", "0"])


def table(folder: Path) -> list[dict[str, Any]]:
    """What a search found, trial by trial: everything but the seconds, and its weights."""
    found = searches.load(folder)
    rows = []
    for trial in found.trials:
        row = msgspec.to_builtins(trial)
        del row["seconds"]
        for epoch in row["history"]:
            del epoch["seconds"], epoch["train_seconds"]
        for name in ("best.safetensors", "config.toml"):
            file = found.trial_folder(trial) / name
            row[name] = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""
        rows.append(row)
    return rows


def workers(parent: int) -> list[int]:
    """Processes that `parent` spawned to train."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            facts = (entry / "stat").read_text().rpartition(") ")[2].split()
            if int(facts[1]) == parent and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def alive(process: int) -> bool:
    """Whether a process runs; one that is dead and not yet buried does not."""
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    return False


def wait_for(condition: Any, seconds: float) -> bool:
    """Whether `condition` came true within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def finished(folder: Path) -> int:
    """Trials that are kept."""
    return len(list(folder.glob("trials/[0-9]*/trial.json")))


def words_of(line: str) -> list[str]:
    """The flags of a printed command."""
    return shlex.split(line)[2:]
