"""Available memory, checked before anything is allocated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from handstitch.errors import Argument, MachineError, Phrase

_MEMINFO: Final = Path("/proc/meminfo")
_CGROUP: Final = Path("/proc/self/cgroup")
_CONTROLLERS: Final = Path("/sys/fs/cgroup")
_STATM: Final = Path("/proc/self/statm")
_NARROWER: Final = Phrase(
    "try a narrower network ({}), a smaller {}, or {}",
    Argument("hidden_sizes"),
    Argument("batch_size"),
    Argument("optimizer", "sgd"),
)
OF_A_FILE: Final = "close other programs, or use a machine with more memory"
"""The fix where a file decides how much is needed."""


def available() -> int | None:
    """Bytes that this process may still allocate; None where the system does not say.

    The minimum of the machine's free memory (MemAvailable counts reclaimable caches) and of the
    room left by the limits of its control groups, as of a container, and by `ulimit -v`.
    """
    limits = [_machine(), _address_space(), *_groups()]
    return min((limit for limit in limits if limit is not None), default=None)


def require(needed: int, what: str, fix: str = _NARROWER) -> None:
    """Raise MachineError if `what` needs more bytes than are available."""
    free = available()
    if free is None or needed <= free:
        return
    raise MachineError(
        f"not enough memory for {what}",
        found=f"{free / 2**30:,.1f} GiB available",
        wanted=f"{needed / 2**30:,.1f} GiB",
        fix=fix,
    )


def _machine() -> int | None:
    for line in _text(_MEMINFO).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not POSIX, or not known there
        return None


def _address_space() -> int | None:
    """Bytes left by the limit on this process's addresses, where the system has one."""
    try:
        import resource  # POSIX only

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(_text(_STATM).split()[0])
    except (ImportError, AttributeError, OSError, IndexError):
        return None
    if limit == resource.RLIM_INFINITY:
        return None
    return max(0, limit - pages * resource.getpagesize())


def _groups() -> Iterator[int | None]:
    """Bytes left by each control group of this process; v2 and v1 name their files differently."""
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
