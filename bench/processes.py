"""Starting what is measured: one process at a time, with its time and its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
OURS = sys.executable
PEERS = str(ROOT / ".venv-bench" / "bin" / "python")


def environment() -> dict[str, str]:
    """Ours, without a caller's own settings for threads or byte code."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("OMP_", "OPENBLAS_", "MKL_", "NUMBA_", "PYTHON"))
    }
    return kept | {"PYTHONPATH": str(BENCH)}


def run(command: list[str], folder: Path | None = None) -> dict[str, Any]:
    """Its `wall_seconds` and, where its last line is JSON, what that says."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        output, errors = process.communicate()
    wall = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"bench: {' '.join(command)} failed:\n{errors.decode()[-2000:]}")
    last = output.decode().strip().splitlines()[-1:]
    told = json.loads(last[0]) if last and last[0].startswith('{"') else {}
    return {**told, "wall_seconds": wall}


def script(name: str, *flags: object, ours: bool) -> dict[str, Any]:
    """One of peers/, in our environment or in the peers'."""
    path = str(BENCH / "peers" / f"{name}.py")
    return run([OURS if ours else PEERS, path, *map(str, flags)])


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many other processes that keep a core busy."""
    others = [subprocess.Popen([OURS, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in others:
            each.kill()
            each.wait()
