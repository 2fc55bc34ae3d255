"""Read what somebody else may have made: folders without links, regular files of bounded size.

A record is read in one way: bytes up to a limit, JSON up to a number of values and a depth, a typed
struct with its ranges (`records`). What cannot be read is an OSError or a ValueError, nothing else.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

import msgspec

from handstitch.errors import MachineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECORD: Final = 16 * 2**20
"""The most bytes of a record, unless its reader says otherwise."""
_BYTES_PER_VALUE: Final = 32
"""A list within a list takes two bytes in a file and 64 in memory."""

_Record = TypeVar("_Record")


def inside(folder: str | Path, name: str | Path) -> Path:
    """The path folder/name, on which nothing below `folder` is a link.

    `folder` itself may be or pass through links: the user has named it. Raises MachineError at a
    link, whether it leads somewhere or not.
    """
    path = Path(folder)
    for part in Path(name).parts:
        path /= part
        try:
            target = os.readlink(path)  # of junctions, too, which Path.is_symlink does not know
        except OSError:  # no link, or nothing there
            continue
        raise MachineError(
            "a link stands in this folder",
            file=path,
            found=f"a link to {target}",
            wanted="a file or folder: below the folder that is named, no link is followed",
            fix="replace the link by a copy of what it leads to, or remove it",
        )
    return path


def open_file(path: str | Path, most: int | None = None) -> BufferedReader:
    """Open a regular file of at most `most` bytes for reading; never waits.

    Raises OSError; IsADirectoryError for a folder, and for a pipe, a socket or a device, of which
    none is opened.
    """
    facts = os.stat(path)
    if not stat.S_ISREG(facts.st_mode):
        is_folder = stat.S_ISDIR(facts.st_mode)
        raise IsADirectoryError(
            errno.EISDIR, "a folder" if is_folder else "a pipe, socket or device"
        )
    if most is not None and facts.st_size > most:
        raise OSError(errno.EFBIG, f"{facts.st_size:,} bytes, more than {most:,}")
    return open(path, "rb", opener=_without_waiting)


def read_file(path: str | Path, most: int = RECORD) -> bytes:
    """The content of a regular file of at most `most` bytes. Raises OSError."""
    with open_file(path, most) as file:
        return file.read(most)


def map_array(
    file: BinaryIO, kind: Any, shape: tuple[int, ...], start: int, *, is_fortran: bool = False
) -> NDArray[Any]:
    """A read-only array whose elements stay in the open file, from byte `start` on.

    Pages are read when they are used, and take no memory that others need. Raises ValueError if
    the file is shorter.
    """
    import numpy as np

    return np.memmap(file, kind, "r", start, shape, "F" if is_fortran else "C")


def read_record(path: str | Path, kind: type[_Record], most: int = RECORD) -> _Record:
    """The record in a JSON file. Raises OSError, or ValueError that says what is wrong with it."""
    text = read_file(path, most)
    values = count_values(text)
    if values > most // _BYTES_PER_VALUE:
        raise ValueError(f"a record with {values:,} values")
    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError as error:
        raise ValueError("a record that is nested too deeply") from error


def count_values(json_text: bytes) -> int:
    """An upper bound of the number of values in a JSON text, and so of the cost to parse it."""
    return sum(map(json_text.count, (b",", b":", b"[", b"{")))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
