"""What the operating system's refusals mean to a person: OSError → MachineError."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handstitch.errors import MachineError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_RIGHTS = {errno.EACCES, errno.EPERM}


@contextmanager
def translate_os_errors(path: Path, needed: int = 0) -> Iterator[None]:
    """Turn an OSError of the block into a MachineError about `path`; `needed` is in bytes."""
    try:
        yield
    except OSError as error:
        raise explained(error, path, needed) from error


def explained(error: OSError, path: Path, needed: int = 0) -> MachineError:
    """The MachineError that says what `error` means for writing `needed` bytes to `path`."""
    number = error.errno
    folder = existing_folder(path)
    if number in _FULL:
        return full(path, needed)
    if number in _RIGHTS:
        return MachineError(
            "no right to write here",
            file=path,
            found=_rights(folder),
            wanted=f"the right to write in {folder}",
            fix="have the rights changed, or name another folder with --out",
        )
    if number == errno.EROFS:
        return MachineError(
            "this disk can only be read",
            file=path,
            found="a read-only file system",
            wanted="a folder that can be written",
            fix="name another folder with --out",
        )
    if number in {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY}:
        return MachineError(
            "something else stands where a file is to go",
            file=path,
            found=_kind(path)
            if os.path.exists(path)
            else f"{_kind(folder)} in the path, not a folder",
            wanted="a free name, or a file that may be replaced",
            fix="move it away, or name another place with --out",
        )
    if number == errno.ENAMETOOLONG:
        return MachineError(
            "the name is too long for this file system",
            file=path,
            found=f"{len(os.fsencode(path.name)):,} bytes",
            fix="choose a shorter name",
        )
    return MachineError(
        "the machine refused to write",
        file=path,
        found=error.strerror or str(error),
        fix="look to the disk; files written before are intact",
    )


def full(path: Path, needed: int) -> MachineError:
    """The MachineError for a disk without room for `needed` bytes beside `path`."""
    try:
        left = shutil.disk_usage(existing_folder(path)).free
        free = f"{left:,} bytes free"
        if left > needed > 0:
            free += ", but not for you: a quota is used up, or the disk has too many files"
    except OSError:
        free = None
    return MachineError(
        "the disk is full",
        file=path,
        found=free,
        wanted=f"{needed:,} bytes" if needed else None,
        fix="make room, or name a folder on another disk with --out; older files are intact",
    )


def existing_folder(path: Path) -> Path:
    """`path` if it is a folder, or else the nearest thing above it that exists."""
    # Unlike the methods of Path, those of os.path answer where one may not look.
    above = [each for each in path.absolute().parents if os.path.exists(each)]
    return path if os.path.isdir(path) else above[0]


def _kind(path: Path) -> str:
    if os.path.isdir(path):
        return "a folder"
    return "a file" if os.path.isfile(path) else "a special file"


def _rights(folder: Path) -> str:
    user = f"you are user {os.geteuid()}" if hasattr(os, "geteuid") else "you are someone else"
    try:
        facts = folder.stat()
    except OSError:
        return f"a folder that may not be looked at; {user}"
    return f"a folder of user {facts.st_uid}, {stat.filemode(facts.st_mode)}; {user}"
