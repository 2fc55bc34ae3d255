"""OSError → MachineError: the operating system's errors, with what was found and a fix."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handstitch.errors import Argument, MachineError, Phrase


@contextmanager
def translate_os_errors(path: Path, needed: int = 0) -> Iterator[None]:
    """Turn an OSError of the block into a MachineError about `path`; `needed` is in bytes."""
    try:
        yield
    except OSError as error:
        raise _translated(error, path, needed) from error


def _translated(error: OSError, path: Path, needed: int) -> MachineError:
    folder = existing_folder(path)
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return full(path, needed)
        case errno.EACCES | errno.EPERM:
            return MachineError(
                "permission denied",
                file=path,
                found=_permissions(folder),
                wanted=f"write permission for {folder}",
                fix=Phrase(
                    "change its permissions, or choose another folder ({})", Argument("out")
                ),
            )
        case errno.EISDIR | errno.ENOTDIR | errno.EEXIST | errno.ENOTEMPTY:
            return MachineError(
                "the path is taken by something else",
                file=path,
                found=_kind(path)
                if os.path.exists(path)
                else f"{_kind(folder)} in the path, not a folder",
                wanted="a free name, or a file that may be replaced",
                fix=Phrase("move it away, or choose another path ({})", Argument("out")),
            )
        case errno.ENAMETOOLONG:
            return MachineError(
                "the file name is too long",
                file=path,
                found=f"{len(os.fsencode(path.name)):,} bytes",
                fix="choose a shorter name",
            )
        case _:
            return MachineError(
                "the file could not be written",
                file=path,
                found=error.strerror or str(error),
                fix=Phrase(
                    "check the disk, or choose another folder ({}); older files are intact",
                    Argument("out"),
                ),
            )


def full(path: Path, needed: int) -> MachineError:
    """The MachineError for a disk without room for `needed` bytes beside `path`."""
    try:
        left = shutil.disk_usage(existing_folder(path)).free
        free = f"{left:,} bytes free"
        if left > needed > 0:
            free += ": a quota is exceeded, or the disk has too many files"
    except OSError:
        free = None
    return MachineError(
        "the disk is full",
        file=path,
        found=free,
        wanted=f"{needed:,} bytes" if needed else None,
        fix=Phrase(
            "free some space, or choose another disk ({}); older files are intact", Argument("out")
        ),
    )


def existing_folder(path: Path) -> Path:
    """`path` if it is a folder, else its nearest parent that exists."""
    # Unlike the methods of Path, those of os.path answer where permission is denied.
    above = [parent for parent in path.absolute().parents if os.path.exists(parent)]
    return path if os.path.isdir(path) else above[0]


def _kind(path: Path) -> str:
    if os.path.isdir(path):
        return "a folder"
    return "a file" if os.path.isfile(path) else "a special file"


def _permissions(folder: Path) -> str:
    user = f"you are user {os.geteuid()}" if hasattr(os, "geteuid") else "owned by another user"
    try:
        facts = folder.stat()
    except OSError:
        return f"a folder that may not be read; {user}"
    return f"a folder of user {facts.st_uid}, {stat.filemode(facts.st_mode)}; {user}"
