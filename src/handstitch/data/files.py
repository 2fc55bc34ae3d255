"""Data files opened for reading: what is wrong with one becomes an error of ours."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from handstitch import storage
from handstitch.errors import DataError, MachineError, printable


@contextmanager
def open_file(
    path: Path, problem: str, wanted: str, fix: str, most: int | None = None
) -> Iterator[BufferedReader]:
    """Open a data file. A ValueError of the block says what was found, and becomes a DataError.

    Raises DataError if there is no file or it has more than `most` bytes, MachineError if it
    cannot be read.
    """
    try:
        with _opened(path, most) as stream:
            yield stream
    except DataError:
        raise
    except ValueError as error:
        raise DataError(
            problem, file=printable(path), found=str(error), wanted=wanted, fix=fix
        ) from error
    except OSError as error:
        raise unreadable(path, error, "a data file could not be read", "a readable file") from error


def unreadable(path: str | Path, error: OSError, problem: str, wanted: str) -> MachineError:
    """The error for a file or folder that the operating system could not read."""
    return MachineError(
        problem,
        file=printable(path),
        found=error.strerror or str(error),
        wanted=wanted,
        fix="check its permissions and the disk, then try again",
    )


def _opened(path: Path, most: int | None) -> BufferedReader:
    try:
        return storage.open_file(path, most)
    except FileNotFoundError:
        raise ValueError("no file, or a broken link") from None
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise ValueError(error.strerror) from None
        if error.errno == errno.EFBIG:
            raise ValueError(f"{error.strerror}: too large") from None
        raise
