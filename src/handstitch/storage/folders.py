"""Folders created complete and atomically, with all their first files or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final

from handstitch.errors import Argument, Call, Phrase, UsageError, listed
from handstitch.storage import disk
from handstitch.storage.atomic import is_temporary, make_folders, put, temporary
from handstitch.storage.lock import LOCK_FILE, lock_folder
from handstitch.storage.os_errors import translate_os_errors

_NAME_TAKEN: Final = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR, errno.EACCES}


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
    with translate_os_errors(first, sum(map(len, files.values()))):
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
    with translate_os_errors(path, sum(map(len, files.values()))):
        if not os.path.lexists(path):
            with temporary(path) as prepared:
                _fill(prepared, files)
                if _rename(prepared, path):
                    return path
        _require_empty(path)
        with lock_folder(path):
            _require_empty(path)  # another process may have been quicker
            _fill(path, files)
        return path


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write these files to a folder, which is made by the first, in the order given."""
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
    free = Argument("out", free_name(path))
    another = Phrase("choose another name: {}", free)
    if not path.is_dir():
        raise UsageError(
            "this is not a folder",
            found=f"{path}, a file" if path.exists() else f"{path}, a broken link",
            wanted="an empty folder, or a name that is free",
            fix=another,
        )
    names = sorted(
        entry.name
        for entry in path.iterdir()
        if entry.name != LOCK_FILE and not is_temporary(entry)
    )
    if not names:
        return
    is_run = "config.toml" in names
    raise UsageError(
        "this folder already holds a run" if is_run else "this folder is not empty",
        file=path,
        found=listed(names, 4),
        wanted="an empty folder, or a name that is free",
        fix=Phrase("resume that run: {}\nor start another: {}", Call("resume", path), free)
        if is_run
        else another,
    )


def free_name(path: Path) -> Path:
    """The first of path-2, path-3, … that does not exist."""
    absolute = path if path.name else path.absolute()  # "." has no name to add a number to
    return next(
        candidate
        for number in count(2)
        if not os.path.lexists(candidate := absolute.with_name(f"{absolute.name}-{number}"))
    )
