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

import os
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.machine import memory
from handstitch.storage import file_types

LARGEST: Final = 2**27
"""The most bytes of elements in a published file (128 MiB; MNIST has 45)."""

LARGEST_FILE: Final = LARGEST + 2**20
"""The most bytes of a published file: gzip adds less than that at worst."""

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
        if not is_packed and size > LARGEST + file_types.HEAD:
            return _mapped(stream, size, most)
        return _array(pieces, most)
    except zlib.error as error:
        raise ValueError(f"{size:,} bytes of gzip, damaged ({error})") from error
    except ValueError as error:
        raise ValueError(f"{error}, in {size:,} bytes{' of gzip' * is_packed}") from error


def is_idx(stream: BinaryIO) -> bool:
    """Whether an open file, or the first member of a gzip file, starts as IDX does."""
    head = stream.read(file_types.HEAD)
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, file_types.HEAD)
        except zlib.error:
            return False
    return head.startswith(b"\0\0") and head[2:3] != b"" and head[2] in _ELEMENTS


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
    words = dict(_ELEMENTS.values())["|u1" if element is None else element.str]
    return f"an IDX array of {counts}" + ("" if is_usual else f" {words}")
