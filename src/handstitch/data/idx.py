"""IDX, the file format of MNIST: a shape, then an array of numbers.

    bytes 0, 1   zero
    byte  2      element type; 8, unsigned bytes, in all published files
    byte  3      rank: how many dimensions
    then         each dimension, a big-endian 32-bit count
    then         the elements, big-endian, last dimension fastest, and nothing more

Described by Y. LeCun, C. Cortes and C. Burges on the page of the MNIST database. Whether a file
is compressed (gzip, RFC 1952, of one member or several) is decided by its magic bytes, not by its
name. Memory grows with what has been read, never with what a header claims, and reading stops at
the first byte too many.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.errors import DataError, MachineError, printable
from handstitch.machine import memory
from handstitch.storage import file_types

LARGEST: Final = 2**27
"""The most bytes of elements in a published file (128 MiB; MNIST has 45)."""

_PIECE: Final = 1 << 16
_EMPTY_MEMBERS: Final = 10_000
_ELEMENTS: Final = {
    0x08: ("|u1", "unsigned bytes"),
    0x09: ("|i1", "signed bytes"),
    0x0B: (">i2", "16-bit integers"),
    0x0C: (">i4", "32-bit integers"),
    0x0D: (">f4", "32-bit floating-point numbers"),
    0x0E: (">f8", "64-bit floating-point numbers"),
}
"""Type number → NumPy's type, words."""


@contextmanager
def open_file(
    path: Path, problem: str, wanted: str, fix: str, most: int = LARGEST
) -> Iterator[BufferedReader]:
    """Open a data file. A ValueError of the block says what was found, and becomes a DataError.

    Raises DataError if there is no file or it is too large, MachineError if it cannot be read.
    """
    try:
        with _opened(path, most) as stream:
            yield stream
    except ValueError as error:
        raise DataError(
            problem, file=printable(path), found=str(error), wanted=wanted, fix=fix
        ) from error
    except OSError as error:
        raise MachineError(
            "a data file could not be read",
            file=printable(path),
            found=error.strerror or str(error),
            wanted="a readable file",
            fix="check its permissions and the disk, then try again",
        ) from error


def _opened(path: Path, most: int) -> BufferedReader:
    try:
        return storage.open_file(path, most + 2**20)  # gzip adds less than that at worst
    except FileNotFoundError:
        raise ValueError("no file, or a broken link") from None
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise ValueError(error.strerror) from None
        if error.errno == errno.EFBIG:
            raise ValueError(f"{error.strerror}: too large for IDX") from None
        raise


def parse(stream: BinaryIO, most: int = LARGEST) -> NDArray[Any]:
    """The array in an open IDX file, C-contiguous, of the file's type: uint8, or big-endian.

    `most` bounds its bytes. An uncompressed one of more than LARGEST is memory-mapped. Raises
    ValueError, which says what is wrong, and MachineError if the array needs too much memory.
    """
    size = os.fstat(stream.fileno()).st_size
    is_packed = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    pieces = _decompress(stream) if is_packed else iter(partial(stream.read, _PIECE), b"")
    try:
        if not is_packed and LARGEST + file_types.HEAD < size:
            return _mapped(stream, size, most)
        return _array(pieces, most)
    except zlib.error as error:
        raise ValueError(f"{size:,} bytes of gzip, damaged ({error})") from error
    except ValueError as error:
        raise ValueError(f"{error}, in {size:,} bytes{' of gzip' * is_packed}") from error


def header(shape: tuple[int, ...]) -> bytes:
    """The header of an array of this shape."""
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)


def _decompress(stream: BinaryIO) -> Iterator[bytes]:
    """The decompressed content of a gzip file, in small pieces."""
    packed = stream.read(_PIECE)
    empty = 0
    while empty < _EMPTY_MEMBERS:
        member, length = zlib.decompressobj(wbits=31), 0
        while not member.eof:
            if not packed:
                raise ValueError("a gzip file cut short")
            piece = member.decompress(packed, _PIECE)
            length += len(piece)
            yield piece
            packed = member.unconsumed_tail or member.unused_data or stream.read(_PIECE)
        if not packed:
            return
        empty += not length
    raise ValueError(f"more than {_EMPTY_MEMBERS:,} members with nothing in them")


def _array(pieces: Iterator[bytes], most: int) -> NDArray[Any]:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) >= file_types.HEAD:
            break
    shape, element = _parse_header(bytes(content[: file_types.HEAD]), most)
    size = prod(shape) * element.itemsize
    if size > LARGEST:
        memory.require(size, describe(shape, element), memory.OF_A_FILE)
    start = len(header(shape))
    for piece in pieces:  # to the end, where gzip has its checksum
        content += piece
        if len(content) > start + size:
            break
    _require_length(len(content) - start, shape, element)
    return np.frombuffer(content, element, offset=start).reshape(shape)


def _mapped(stream: BinaryIO, size: int, most: int) -> NDArray[Any]:
    shape, element = _parse_header(stream.read(file_types.HEAD), most)
    start = len(header(shape))
    _require_length(size - start, shape, element)
    return storage.map_array(stream, element, shape, start)


def _require_length(length: int, shape: tuple[int, ...], element: np.dtype[Any]) -> None:
    """Raise ValueError unless there are as many bytes as the header says."""
    wanted = prod(shape) * element.itemsize
    if length != wanted:
        fault = "and more bytes after it" if length > wanted else "cut short"
        raise ValueError(f"{describe(shape, element)}, {fault}")


def _parse_header(head: bytes, most: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape in the header, and the type of the elements."""
    if not head.startswith(b"\0\0"):
        kind = file_types.identify(head)
        raise ValueError(kind or f"a file of unknown type, which starts with {head[:16]!r}")
    if len(head) < 4 or len(head) < 4 + 4 * head[3]:
        raise ValueError("an IDX header cut short")
    number, rank = head[2:4]
    name, words = _ELEMENTS.get(number, ("", f"an unknown type (0x{number:02x})"))
    if not name or not 1 <= rank <= 4:
        raise ValueError(f"IDX of {words} with {rank} dimensions")
    shape, element = struct.unpack_from(f">{rank}I", head, 4), np.dtype(name)
    if not 0 < prod(shape) * element.itemsize <= most:
        raise ValueError(f"{describe(shape, element)}: an impossible header")
    return shape, element


def describe(shape: tuple[int, ...], element: np.dtype[Any] | None = None) -> str:
    """A shape in words: "an IDX array of 60,000 × 28 × 28", and a type other than uint8."""
    counts = " × ".join(f"{n:,}" for n in shape)
    is_usual = element is None or element == np.uint8
    return f"an IDX array of {counts}{'' if is_usual else ' ' + dict(_ELEMENTS.values())[element.str]}"
