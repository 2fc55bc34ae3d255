"""IDX, the file format of MNIST: a shape, then an array of unsigned bytes.

    bytes 0, 1   zero
    byte  2      element type; 8, unsigned bytes, is the only one read here
    byte  3      rank: how many dimensions
    then         each dimension, a big-endian 32-bit count
    then         the elements, last dimension fastest, and nothing more

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
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.errors import DataError, MachineError, printable
from handstitch.storage import file_types

LARGEST: Final = 2**27
"""The most elements that a header may claim (128 MiB; MNIST has 45)."""

_PIECE: Final = 1 << 16
_MEMBERS: Final = 10_000
_ELEMENTS: Final = {
    0x08: "unsigned bytes",
    0x09: "signed bytes",
    0x0B: "16-bit integers",
    0x0C: "32-bit integers",
    0x0D: "32-bit floating-point numbers",
    0x0E: "64-bit floating-point numbers",
}


@contextmanager
def open_file(path: Path, problem: str, wanted: str, fix: str) -> Iterator[BufferedReader]:
    """Open a data file. A ValueError of the block says what was found, and becomes a DataError.

    Raises DataError if there is no file or it is too large, MachineError if it cannot be read.
    """
    try:
        with _opened(path) as stream:
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


def _opened(path: Path) -> BufferedReader:
    try:
        return storage.open_file(path, LARGEST + 2**20)  # gzip adds less than that at worst
    except FileNotFoundError:
        raise ValueError("no file, or a broken link") from None
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise ValueError(error.strerror) from None
        if error.errno == errno.EFBIG:
            raise ValueError(f"{error.strerror}: too large for IDX") from None
        raise


def parse(stream: BinaryIO) -> NDArray[np.uint8]:
    """The array in an open IDX file, C-contiguous. Raises ValueError, which says what is wrong."""
    size = os.fstat(stream.fileno()).st_size
    is_packed = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    pieces = _decompress(stream) if is_packed else iter(partial(stream.read, _PIECE), b"")
    try:
        return _array(pieces)
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
    for _ in range(_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            if not packed:
                raise ValueError("a gzip file cut short")
            yield member.decompress(packed, _PIECE)
            packed = member.unconsumed_tail or member.unused_data or stream.read(_PIECE)
        if not packed:
            return
    raise ValueError(f"more than {_MEMBERS:,} members")


def _array(pieces: Iterator[bytes]) -> NDArray[np.uint8]:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) >= file_types.HEAD:
            break
    shape = _shape(bytes(content[: file_types.HEAD]))
    start = len(header(shape))
    end = start + prod(shape)
    for piece in pieces:  # to the end, where gzip has its checksum
        content += piece
        if len(content) > end:
            break
    if len(content) != end:
        fault = "and more bytes after it" if len(content) > end else "cut short"
        raise ValueError(f"{describe(shape)}, {fault}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _shape(head: bytes) -> tuple[int, ...]:
    """The shape in the header."""
    if not head.startswith(b"\0\0"):
        kind = file_types.identify(head)
        raise ValueError(kind or f"a file of unknown type, which starts with {head[:16]!r}")
    if len(head) < 4 or len(head) < 4 + 4 * head[3]:
        raise ValueError("an IDX header cut short")
    element, rank = head[2:4]
    if element != 8 or not 1 <= rank <= 4:
        kind = _ELEMENTS.get(element, f"an unknown type (0x{element:02x})")
        raise ValueError(f"IDX of {kind} with {rank} dimensions")
    shape = struct.unpack_from(f">{rank}I", head, 4)
    if not 0 < prod(shape) <= LARGEST:
        raise ValueError(f"{describe(shape)}: an impossible header")
    return shape


def describe(shape: tuple[int, ...]) -> str:
    """A shape in words: "an IDX array of 60,000 × 28 × 28"."""
    return "an IDX array of " + " × ".join(f"{n:,}" for n in shape)
