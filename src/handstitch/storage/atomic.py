"""Atomic writes: a file is replaced whole, or not at all.

A file is written under a temporary name in its own folder, forced to the disk, and given its
name by one rename; a reader meets the old file or the new one, whenever the process dies.
Temporary names carry the process that made them, so that the leftovers of a dead process can be
distinguished from the files of a living one.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from handstitch.storage import disk
from handstitch.storage.os_errors import existing_folder, full, translate_os_errors
from handstitch.storage.reading import inside

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_TEMPORARY: Final = re.compile(r"\..*\.\d{1,9}-[0-9a-f]{8}-\d+\.tmp", re.DOTALL)
_process_token = secrets.token_hex(4)
_serial = count()


def write(
    path: str | Path,
    data: bytes | Iterable[ReadableBuffer],
    *,
    durable: bool = True,
    backup: bool = False,
) -> None:
    """Write `data` (bytes, or pieces one after another) to the file `path`, whole or not at all.

    Missing folders are made. A symbolic link stays, and its target is replaced. Without `durable`
    there is no wait for the disk: for files that can be made again, since a power cut may take
    them. With `backup` the replaced file is kept under the name `backup_of(path)`. Raises
    MachineError; then the old file is as it was.
    """
    given = [data] if isinstance(data, bytes | bytearray | memoryview) else data
    pieces = [memoryview(piece) for piece in given]
    with translate_os_errors(Path(path), sum(piece.nbytes for piece in pieces)):
        put(Path(path), pieces, durable=durable, backup=backup)


def put(
    path: Path, pieces: list[memoryview], *, durable: bool = True, backup: bool = False
) -> None:
    """`write`, but raises OSError.

    At every instant `path` is whole if it ever was. An older backup loses its name only when the
    new file is safely on the disk: should the replaced one turn out to be damaged, a good one has
    been there all the time.
    """
    target = _resolved(path)
    with temporary(target) as new, temporary(target) as old:
        _fill(new, pieces, durable=durable)
        is_kept = backup and target.exists()
        if is_kept:
            _link_or_copy(target, old)
        disk.files.replace(new, target)
        if durable:
            disk.files.fsync_folder(target.parent)
        if is_kept:
            disk.files.replace(old, backup_of(target))
            disk.files.fsync_folder(target.parent)


def backup_of(path: str | Path) -> Path:
    """The path of the backup that `write` keeps: x/last.a → x/last.previous.a."""
    path = Path(path)
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def existing_copies(path: str | Path) -> list[Path]:
    """Those of `path` and its backup that exist, newest first. Raises MachineError at a link."""
    files = (inside(file.parent, file.name) for file in (Path(path), backup_of(path)))
    return [file for file in files if os.path.exists(file)]


def check_writable(folder: str | Path, bytes_needed: int) -> None:
    """Raise MachineError unless `folder` is writable and has `bytes_needed` free.

    If the folder does not exist yet, its nearest existing parent is tried.
    """
    folder = existing_folder(Path(folder))
    with translate_os_errors(folder, bytes_needed):
        with temporary(folder / "probe") as probe:
            _fill(probe, [memoryview(b"?")])
        free = shutil.disk_usage(folder).free
    if free < bytes_needed:
        raise full(folder, bytes_needed)


def remove_stale(folder: str | Path) -> None:
    """Remove the temporary files and folders that dead processes left in `folder`.

    Not in folders below it; what cannot be removed is left silently.
    """
    with suppress(OSError):
        for entry in Path(folder).iterdir():
            if is_temporary(entry) and not _alive(entry):
                remove_quietly(entry)


@contextmanager
def temporary(target: Path) -> Iterator[Path]:
    """A unique temporary name beside `target`; what still has it at the end is removed.

    Missing folders above it are made.
    """
    make_folders(target.parent)
    name = f".{target.name[:40]}.{os.getpid()}-{_process_token}-{next(_serial)}.tmp"
    path = target.with_name(name)
    try:
        yield path
    finally:
        remove_quietly(path)


def is_temporary(path: Path) -> bool:
    """Whether the name of `path` is one that `temporary` makes."""
    return _TEMPORARY.fullmatch(path.name) is not None


def remove_quietly(path: Path) -> None:
    """Remove a file or folder if it exists; errors are suppressed."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            disk.files.remove_folder(path)
        elif os.path.lexists(path):
            disk.files.unlink(path)


def make_folders(path: Path) -> None:
    """Make the folder `path` and those above it, where missing. Raises OSError."""
    if path.is_dir():
        return
    make_folders(path.parent)
    try:
        disk.files.make_folder(path)
    except FileExistsError:
        if not path.is_dir():  # otherwise another process was quicker
            raise
    disk.files.fsync_folder(path.parent)


def _resolved(path: str | Path) -> Path:
    # Replacing a link would leave its target as it was.
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        # A rename would put a file in the place of a folder or, worse, a device.
        raise OSError(errno.EISDIR, "not a file")
    return target


def _fill(path: Path, pieces: list[memoryview], *, durable: bool = True) -> None:
    """Write a new file; if `durable`, wait for the disk."""
    descriptor = disk.files.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for piece in pieces:
            rest = piece.cast("B") if piece.nbytes else memoryview(b"")
            while rest:
                done = disk.files.write(descriptor, rest)
                if done == 0:
                    raise OSError(errno.EIO, "no more bytes could be written")
                rest = rest[done:]
        if durable:
            disk.files.fsync(descriptor)
    finally:
        disk.files.close(descriptor)


def _link_or_copy(path: Path, name: Path) -> None:
    """Give a file a second name: a hard link, or a copy where there can be none."""
    try:
        disk.files.link(path, name)
    except OSError:
        _fill(name, [memoryview(path.read_bytes())])


def _alive(path: Path) -> bool:
    process, token = path.name.rsplit(".", 2)[1].split("-")[:2]
    if int(process) == os.getpid():
        # In a container the next process may well have the process ID of the dead one.
        return token == _process_token
    if sys.platform == "win32":  # an open file cannot be removed there, and kill(0) would kill
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
