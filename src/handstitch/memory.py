"""How much memory a run needs, and how much there is: asked before anything is allocated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from handstitch.config import Config
from handstitch.core.optimizers import OPTIMIZERS
from handstitch.core.parameters import count
from handstitch.errors import MachineError
from handstitch.evaluation import ROWS

FLOAT: Final = 4
"""Bytes of a float32."""
_MEMINFO: Final = Path("/proc/meminfo")
_CGROUP: Final = Path("/proc/self/cgroup")
_CONTROLLERS: Final = Path("/sys/fs/cgroup")


def of_run(config: Config, sizes: Sequence[int], images: int) -> int:
    """Bytes that training a network of these sizes takes at its highest, the images included.

    `sizes` counts units from the input to the output; `images` is the number of training images,
    validation included, one byte a pixel. What the interpreter and the libraries take is not in it.
    """
    _, slots = OPTIMIZERS[config.optimizer]
    state = 2 + len(slots)  # θ, its best, and the slots
    gradient = config.optimizer != "sgd" or config.clip_norm > 0
    # While a state is written there is the one that trains on, the one that is written, and what
    # safetensors makes of it, twice.
    vectors = FLOAT * count(tuple(sizes)) * (4 * state + gradient)
    batch = min(config.batch_size, images)
    held_out = round(config.validation * images)
    silenced = sum(sizes[1:-1]) * (config.dropout > 0)
    dropped = sizes[0] * (config.input_dropout > 0) + silenced
    # As core.network.Workspace: X, outputs and gradients, masks and dropped inputs, targets; the
    # compiled step keeps the numbers drawn for masks of hidden units, too.
    columns = sizes[0] + 2 * sum(sizes[1:]) + 2 * dropped + silenced + sizes[-1] + 1
    working = FLOAT * columns * (batch + min(ROWS, max(1, held_out)))
    pixels = (images + held_out + batch) * sizes[0]
    return vectors + working + pixels


def available() -> int | None:
    """Bytes that this process may still take; None where the system does not say.

    The least of what the machine has (MemAvailable counts what caches would give back) and of
    what the limits of its control groups, as of a container, leave it.
    """
    found = [_machine(), *_groups()]
    return min((each for each in found if each is not None), default=None)


def require(needed: int, what: str) -> None:
    """Raise MachineError if `what` needs more bytes than there are."""
    there = available()
    if there is None or needed <= there:
        return
    raise MachineError(
        f"there is not enough memory for {what}",
        found=f"{shown(there)} that can be had",
        wanted=f"{shown(needed)}",
        fix="a narrower network (--hidden), a smaller --batch-size, or sgd, which keeps least",
    )


def shown(count_of_bytes: int) -> str:
    """Bytes as a person reads them, in binary units."""
    size = float(count_of_bytes)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def _machine() -> int | None:
    for line in _lines(_MEMINFO):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not POSIX, or not known there
        return None


def _groups() -> list[int]:
    """What each control group above this process leaves; v2 and v1 name their files differently."""
    left = []
    for line in _lines(_CGROUP):
        _, controllers, name = line.rstrip("\n").split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = _CONTROLLERS / "memory" if controllers else _CONTROLLERS
        files = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            if controllers
            else ("memory.max", "memory.current", "inactive_file")
        )
        folder = top / name.lstrip("/")
        for group in (folder, *folder.parents):
            if not group.is_relative_to(top):
                break
            here = _left_in(group, *files)
            if here is not None:
                left.append(here)
    return left


def _left_in(group: Path, limit_file: str, usage_file: str, cache: str) -> int | None:
    limit, usage = _number(group / limit_file), _number(group / usage_file)
    if limit is None or usage is None:
        return None
    given_back = [line.split() for line in _lines(group / "memory.stat")]
    caches = sum(int(number) for name, number in given_back if name == cache)
    return max(0, limit - usage + caches)


def _number(file: Path) -> int | None:
    """The number in a file; None for "max" and where there is no such file."""
    text = "".join(_lines(file)).strip()
    return int(text) if text.isdigit() else None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
