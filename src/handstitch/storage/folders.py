"""Run folders: created complete and atomically, locked by one process at a time."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from handstitch.errors import MachineError, UsageError
from handstitch.storage import disk
from handstitch.storage.atomic import is_temporary, make_folders, put, temporary
from handstitch.storage.os_errors import translate_os_errors

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LOCK_FILE: Final = ".lock"
_NAME_TAKEN: Final = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR, errno.EACCES}
_LOCK_TAKEN: Final = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


def make_folder(path: str | Path) -> None:
    """Make the folder `path` and those above it, where missing. Raises MachineError."""
    with translate_os_errors(Path(path)):
        make_folders(Path(path))


def new_folder(parent: str | Path, stem: str, files: Mapping[str, bytes]) -> Path:
    """Make the folder parent/stem, or the first free of parent/stem-2, -3, …, with these files.

    `files` maps names, which may hold folders ("weights/a"), to contents, and is not empty: so
    the folder is complete before it takes its name, and of two processes that want the same
    name, one takes the next. Raises MachineError.
    """
    first = Path(parent) / stem
    with translate_os_errors(first, _size(files)):
        with temporary(first) as prepared:
            _fill(prepared, files)
            number, target = 1, first
            while not _rename(prepared, target):
                number += 1
                target = first.with_name(f"{stem}-{number}")
        return target


def create_folder(path: str | Path, files: Mapping[str, bytes]) -> Path:
    """Make the folder `path`, which may exist if it is empty, with these files; `path` again.

    A new folder is complete before it takes its name. One that exists gets its files one by one
    in the order given: what makes it a run comes last. Raises UsageError if the path is taken,
    MachineError if it cannot be written.
    """
    path = Path(path)
    with translate_os_errors(path, _size(files)):
        if not os.path.lexists(path):
            with temporary(path) as prepared:
                _fill(prepared, files)
                if _rename(prepared, path):
                    return path
        _require_empty(path)
        with lock_folder(path):
            _require_empty(path)  # another process may have been quicker
            for name, data in files.items():
                put(path / name, [memoryview(data)])
        return path


@contextmanager
def lock_folder(folder: str | Path, patience: float = 0.0) -> Iterator[None]:
    """Exclusive access to a folder for one process, within the block.

    The kernel holds the lock and releases it when the process ends, however it ends. `patience` is
    how many seconds to wait for another process. Raises MachineError, which names the holder. The
    small file `.lock` stays behind and means nothing.
    """
    path = Path(folder) / _LOCK_FILE
    until = monotonic() + patience
    with translate_os_errors(path):
        descriptor = disk.files.open(path, os.O_RDWR | os.O_CREAT)
    try:
        with translate_os_errors(path):
            while not _try_lock(descriptor):
                if monotonic() >= until:
                    raise MachineError(
                        "another process is working in this folder",
                        folder=folder,
                        found=_holder(path),
                        wanted="one process at a time",
                        fix="wait for it or stop it, or use another folder",
                    )
                sleep(0.02)
        with suppress(OSError):  # only the message above would miss it
            now = datetime.now().astimezone().isoformat(" ", "seconds")
            os.truncate(descriptor, 0)
            note = f"process {os.getpid()}, since {now}\n".encode()
            disk.files.write(descriptor, memoryview(note))
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    def _lock(descriptor: int) -> None:
        # A byte far behind the text: nobody else can read locked bytes there.
        os.lseek(descriptor, 2**30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _try_lock(descriptor: int) -> bool:
    """Lock the file, unless another process has."""
    try:
        _lock(descriptor)
    except OSError as error:
        if error.errno not in _LOCK_TAKEN:
            raise
        return False
    return True


def _holder(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError), path.open("rb") as file:
        return file.read(200).decode().strip() or "a process that started just now"
    return "an unknown process"


def _size(files: Mapping[str, bytes]) -> int:
    return sum(len(data) for data in files.values())


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a new folder with these files, on the disk."""
    disk.files.make_folder(folder)
    for name, data in files.items():
        put(folder / name, [memoryview(data)])


def _rename(prepared: Path, target: Path) -> bool:
    """Rename to `target`; whether that name was free."""
    if os.path.lexists(target):
        return False
    try:
        disk.files.rename_folder(prepared, target)
    except OSError as error:
        if error.errno not in _NAME_TAKEN or not os.path.lexists(target):
            raise
        return False
    disk.files.fsync_folder(target.parent)
    return True


def _require_empty(path: Path) -> None:
    if not path.is_dir():
        raise UsageError(
            "this is not a folder",
            found=f"{path}, a file" if path.exists() else f"{path}, a broken link",
            wanted="an empty folder, or a name that is free",
            fix=f"choose another name: --out {shlex.quote(str(free_name(path)))}",
        )
    names = sorted(entry.name for entry in path.iterdir() if not _is_ours(entry))
    if not names:
        return
    free = f"--out {shlex.quote(str(free_name(path)))}"
    is_run = "config.toml" in names
    raise UsageError(
        "this folder already holds a run" if is_run else "this folder is not empty",
        folder=path,
        found=", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else ""),
        wanted="an empty folder, or a name that is free",
        fix=f"resume that run: handstitch train --resume {shlex.quote(str(path))}\n"
        f"or start another: {free}"
        if is_run
        else f"choose another name: {free}",
    )


def _is_ours(entry: Path) -> bool:
    return entry.name == _LOCK_FILE or is_temporary(entry)


def free_name(path: Path) -> Path:
    """The first of path-2, path-3, … that does not exist."""
    absolute = path if path.name else path.absolute()  # "." has no name to add a number to
    return next(
        candidate
        for number in count(2)
        if not os.path.lexists(candidate := absolute.with_name(f"{absolute.name}-{number}"))
    )
