"""How much memory there is: asked before anything is allocated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from handstitch.errors import MachineError

_MEMINFO: Final = Path("/proc/meminfo")
_CGROUP: Final = Path("/proc/self/cgroup")
_CONTROLLERS: Final = Path("/sys/fs/cgroup")


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
        found=f"{there / 2**30:,.1f} GiB that can be had",
        wanted=f"{needed / 2**30:,.1f} GiB",
        fix="a narrower network (--hidden), a smaller --batch-size, or sgd, which keeps least",
    )


def _machine() -> int | None:
    for line in _text(_MEMINFO).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not POSIX, or not known there
        return None


def _groups() -> Iterator[int | None]:
    """What each control group above this process leaves; v2 and v1 name their files differently."""
    for line in _text(_CGROUP).splitlines():
        _, controllers, name = line.split(":", 2)
        if not controllers:
            top, files = _CONTROLLERS, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top = _CONTROLLERS / "memory"
            files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        folder = top / name.lstrip("/")
        for group in (folder, *folder.parents):
            if group.is_relative_to(top):
                yield _left_in(group, *files)


def _left_in(group: Path, limit_file: str, usage_file: str, cache: str) -> int | None:
    limit, usage = _text(group / limit_file).strip(), _text(group / usage_file).strip()
    if not (limit.isdigit() and usage.isdigit()):  # "max", or no such file
        return None
    statistics = dict(line.split() for line in _text(group / "memory.stat").splitlines())
    return max(0, int(limit) - int(usage) + int(statistics.get(cache, 0)))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
