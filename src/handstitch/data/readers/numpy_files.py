"""Files that NumPy saves: a .npy with one array, an .npz with several, zipped.

Sizes in headers are checked before memory is taken, and pickles are never opened.
"""

from __future__ import annotations

import errno
import os
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.data import files

_PROBLEM: Final = "arrays that cannot be read"
_WANTED: Final = "arrays of numbers (labels may be words), as numpy.save and numpy.savez write them"
_FIX: Final = "save them again: numpy.save('images.npy', images); numpy.save('labels.npy', labels)"
_LARGEST_DIRECTORY: Final = 2**20
_PIECE: Final = 2**24
BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # a member is encrypted, or packed by a later method
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,  # a header asks for more than there is
    SyntaxError,
    tokenize.TokenError,
    Warning,
)
"""Exceptions of zipfile and NumPy for damaged files."""


_HEADERS: Final[dict[tuple[int, int], Callable[[Any], Any]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class _Header(NamedTuple):
    """What the beginning of a .npy says of the array behind it."""

    shape: tuple[int, ...]
    is_fortran: bool
    kind: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of the elements."""
        return prod(self.shape) * self.kind.itemsize


class ArrayPlace(NamedTuple):
    """Where an array is: a .npy, or a member of an .npz."""

    path: Path
    member: str = ""
    size: int = 0
    """Bytes that a member takes unpacked; 0 for a .npy, which stays in its file."""

    def __str__(self) -> str:
        return f"{self.path}, {self.member.removesuffix('.npy')}" if self.member else str(self.path)


def places(path: Path) -> list[ArrayPlace]:
    """The arrays in a .npy or an .npz."""
    if _is_npy(path):
        return [ArrayPlace(path)]
    with _opened(path) as archive:
        return [
            ArrayPlace(path, member.filename, member.file_size)
            for member in archive.infolist()
            if member.filename.endswith(".npy")
        ]


def load(place: ArrayPlace) -> NDArray[Any]:
    """The array at a place. Raises DataError for a damaged one and for Python objects."""
    if not place.member:
        return _map(place.path)
    with _opened(place.path) as archive:
        return _unpack(archive, archive.getinfo(place.member))


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with files.open_file(path, _PROBLEM, _WANTED, _FIX) as file:
        _require_short_directory(file)
        with _broken_as_value_error("the zip archive"):
            archive = zipfile.ZipFile(file)
        with archive:
            yield archive


@contextmanager
def _broken_as_value_error(name: str) -> Iterator[None]:
    """Turn what zipfile and NumPy raise for damaged files into ValueError."""
    try:
        with warnings.catch_warnings(action="error"):
            yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    except BROKEN as error:
        raise ValueError(f"{name}, damaged: {str(error) or type(error).__name__}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's beginning
            raise
        raise ValueError(f"{name}, damaged: its start is missing") from error


def _is_npy(path: Path) -> bool:
    if path.suffix == ".npy":
        return True
    try:
        with storage.open_file(path) as file:
            return file.read(6) == b"\x93NUMPY"
    except OSError:
        return False


def _map(path: Path) -> NDArray[Any]:
    """The array in a .npy, which stays in the file."""
    with (
        files.open_file(path, _PROBLEM, _WANTED, _FIX) as file,
        _broken_as_value_error(path.name),
    ):
        header = _header(file)
        start = file.tell()
        _require_length(os.fstat(file.fileno()).st_size - start, header)
        return storage.map_array(
            file, header.kind, header.shape, start, is_fortran=header.is_fortran
        )


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """The array in a member of an archive."""
    # LZMA would take up to 4 GiB of addresses because a header says so.
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError(f"{member.filename}, compressed by method {member.compress_type}")
    with _broken_as_value_error(member.filename), archive.open(member) as stream:
        header = _header(stream)
        _require_length(member.file_size - stream.tell(), header)
        content = np.empty(header.size, np.uint8)
        filled = 0
        while piece := stream.read(_PIECE):  # to the end, where the zip's checksum is compared
            content[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        _require_length(filled, header)
    return content.view(header.kind).reshape(header.shape, order="F" if header.is_fortran else "C")


def _header(stream: Any) -> _Header:
    """The header of a .npy. Raises ValueError for a damaged one, and for what is no plain array."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError("a .npy of version 3, which only arrays of records have")
    header = _Header(*_HEADERS[version](stream))
    if header.kind.hasobject:
        raise ValueError("Python objects (dtype object): a pickle, which can run any program")
    if header.kind.kind not in "biufSU" or header.size == 0 or min(header.shape, default=1) < 0:
        raise ValueError(f"{header.kind} {header.shape}")
    return header


def _require_length(length: int, header: _Header) -> None:
    if length != header.size:
        fault = "more bytes than" if length > header.size else "cut short:"
        raise ValueError(f"{fault} {header.kind} {header.shape}")


def _require_short_directory(file: BinaryIO) -> None:
    """Raise ValueError for a directory of any length, all of which Python would read."""
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - 98))
    tail = file.read()
    end, record = tail[-22:], tail[-98:-42]
    if not end.startswith(b"PK\5\6"):
        raise ValueError("no zip archive of NumPy, or one that is cut short")
    is_large = record.startswith(b"PK\6\6")  # over 4 GiB
    length = int.from_bytes(record[40:48] if is_large else end[12:16], "little")
    if length > _LARGEST_DIRECTORY:
        raise ValueError(f"a zip archive with a directory of {length:,} bytes")
