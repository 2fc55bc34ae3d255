"""A disk that fails, writes too little, or dies at its k-th call."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from unittest import mock

from handstitch.storage import disk

Disk = TypeVar("Disk", bound=disk.Files)

OPERATIONS = (
    "open",
    "write",
    "fsync",
    "close",
    "replace",
    "link",
    "unlink",
    "make_folder",
    "rename_folder",
    "remove_folder",
    "fsync_folder",
)


class Killed(BaseException):
    """The process is gone: from here on nothing it calls has any effect."""


class FaultyDisk(disk.Files):
    """The real disk up to the k-th call (counted from 0), which meets `fault`.

    An errno fails that call alone; "short" writes one byte of it; "kill" ends the process before
    the call, and "power" does so and takes with it what no fsync had reached, "torn" half-way
    through a write. `no_links` refuses every hard link besides.
    """

    def __init__(self, k: int = -1, fault: int | str = 0, no_links: bool = False) -> None:
        self.k = k
        self.fault = fault
        self.no_links = no_links
        self.calls: list[str] = []
        self.unsynced: dict[int, str] = {}
        self.dead = False

    def __getattribute__(self, name: str) -> Any:
        attribute = super().__getattribute__(name)
        return self._guarded(name, attribute) if name in OPERATIONS else attribute

    def _guarded(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if self.dead:
                raise Killed
            self.calls.append(name)
            if name == "link" and self.no_links:
                raise OSError(errno.EPERM, "no hard links here")
            if len(self.calls) == self.k + 1:
                arguments = self._faulted(name, real, arguments)
            result = real(*arguments)
            if name == "open":
                self.unsynced[result] = str(arguments[0])
            if name == "fsync":
                self.unsynced.pop(arguments[0], None)
            return result

        return call

    def _faulted(self, name: str, real: Callable[..., Any], arguments: Any) -> Any:
        """Raise what the fault is, or give the arguments of the call that happens instead."""
        if isinstance(self.fault, int):
            if name == "close":  # Linux gives the descriptor back all the same
                real(*arguments)
            raise OSError(self.fault, os.strerror(self.fault))
        if self.fault == "short":
            return (arguments[0], arguments[1][:1]) if name == "write" else arguments
        if self.fault == "torn" and name == "write":
            real(arguments[0], arguments[1][: len(arguments[1]) // 2])
        return self._die()

    def _die(self) -> NoReturn:
        self.dead = True
        if self.fault == "power":
            for path in self.unsynced.values():
                with suppress(OSError):
                    os.truncate(path, 0)
        raise Killed


@contextmanager
def installed(faulty: Disk) -> Iterator[Disk]:
    with mock.patch.object(disk, "files", faulty):
        yield faulty


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(".tmp")]
