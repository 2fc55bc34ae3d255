"""Processes to measure, one at a time, with their time and peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
OURS = sys.executable
PEERS = str(ROOT / ".venv-bench" / "bin" / "python")
LIBRARIES = (
    "ATEN_", "DNNL_", "GOMP_", "KMP_", "MKL_", "NUMBA_", "OMP_", "ONEDNN_", "OPENBLAS_", "PYTHON",
    "TORCH", "XLA_",
)  # fmt: skip


class Failed(SystemExit):
    """A process that failed, with the end of what it said."""


def environment() -> dict[str, str]:
    """The environment without settings for threads, instructions or byte code."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(LIBRARIES)}
    return kept | {"PYTHONPATH": str(BENCH)}


def run(
    command: list[str],
    folder: Path | None = None,
    settings: Mapping[str, str] | None = None,
    *,
    is_told: bool = False,
) -> dict[str, Any]:
    """The last JSON object of its output, if any, with its `peak_mib`, `wall_seconds` and
    `processor_seconds`; `settings` are added to its environment; all that it said is
    `told`, if asked. Raises Failed.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment(), **(settings or {})},
            stdout=output,
            stderr=errors,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        text, problems = output.read().decode(), errors.read().decode()
    if process.returncode:
        raise Failed(f"bench: {' '.join(command)[:200]} failed:\n{problems[-2000:]}")
    start = f"\n{text}".rfind("\n{")
    result = json.JSONDecoder().raw_decode(text[start:])[0] if start >= 0 else {}
    spent = {"wall_seconds": wall, "processor_seconds": usage.ru_utime + usage.ru_stime}
    told = {"told": text + problems} if is_told else {}
    return {"peak_mib": usage.ru_maxrss / 1024, **result, **spent, **told}


def script(
    name: str,
    *flags: object,
    ours: bool,
    settings: Mapping[str, str] | None = None,
    is_told: bool = False,
) -> dict[str, Any]:
    """A script of peers/, in our environment or in the peers'."""
    path = str(BENCH / "peers" / f"{name}.py")
    command = [OURS if ours else PEERS, path, *map(str, flags)]
    return run(command, settings=settings, is_told=is_told)


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Within, `count` other processes that keep a core busy each."""
    others = [subprocess.Popen([OURS, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in others:
            process.kill()
            process.wait()
