"""IDX, the file format of MNIST and its kin, read strictly.

    bytes 0, 1   zero
    byte  2      element type; 8, unsigned bytes, is the only one read here
    byte  3      rank: how many dimensions; 3 for images, 1 for labels
    then         each dimension, a big-endian 32-bit count
    then         the elements, last dimension fastest
    then         nothing

Described by Y. LeCun, C. Cortes and C. Burges on the page of the MNIST database. Whether a file
is compressed (gzip, RFC 1952) is decided by its first bytes, not by its name.

Nothing a file says is believed before it is checked. The header is held against the length of
the file, then all of it is unpacked once in small pieces that are thrown away, and only when
it has proved to be what it claims is memory taken for it.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from handstitch.data import strangers
from handstitch.data.expectation import Expected, in_words
from handstitch.errors import DataError, MachineError, printable

LARGEST: Final = 2**27
"""Bytes of elements above which a header is not believed (128 MiB; MNIST has 45)."""

_GZIP: Final = b"\x1f\x8b"
_DEFLATE_RATIO: Final = 1032  # RFC 1951: a match of 258 bytes costs two bits at least
_PIECE: Final = 1 << 18
_ELEMENTS: Final = {
    0x08: "unsigned bytes",
    0x09: "signed bytes",
    0x0B: "16-bit integers",
    0x0C: "32-bit integers",
    0x0D: "32-bit floating-point numbers",
    0x0E: "64-bit floating-point numbers",
}

Notify = Callable[[str], None]
"""Takes one line that a person should see, and that stops nothing."""


def ignore(line: str) -> None:
    """A Notify that says nothing."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a strict reading of a whole file found out."""

    shape: tuple[int, ...]
    sha256: str
    """Of the uncompressed content, header included."""


def scan(path: str | Path, expected: Expected) -> Scan:
    """Read the whole file strictly and keep nothing of it but its shape and checksum.

    Takes less than 1 MiB of memory, and no longer than unpacking what the header promises. Raises
    DataError for whatever is wrong with the file, MachineError if it cannot be read.
    """
    import hashlib

    with _opened(Path(path), expected) as file:
        digest = hashlib.sha256(file.header)
        for start, piece in file.elements():
            digest.update(piece)
            _check_labels(file, np.frombuffer(piece, np.uint8), start)
        return Scan(file.shape, digest.hexdigest())


def read(
    path: str | Path, expected: Expected, notify: Notify = ignore, *, scanned: bool = False
) -> NDArray[np.uint8]:
    """The elements of an IDX file: images (n, rows, columns) or labels (n,), C-contiguous.

    `scanned` says that the file has just proved to be sound (its checksum is a known one, or
    `scan` has passed): then it is unpacked once instead of twice. All checks are made either way.
    `notify` hears of a file named .gz that is not compressed. Raises as `scan` does.
    """
    path = Path(path)
    if not scanned:
        scan(path, expected)
    with _opened(path, expected) as file:
        values = np.empty(prod(file.shape), np.uint8)
        for start, piece in file.elements():
            values[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
        _check_labels(file, values, 0)
        if path.suffix == ".gz" and not file.compressed:
            notify(f"{printable(path)} is named .gz but is not compressed; read as it is")
        return values.reshape(file.shape)


class _IdxFile:
    """An open file whose header has been read and found possible."""

    def __init__(self, stream: BinaryIO, path: Path, expected: Expected) -> None:
        self.path, self.expected = path, expected
        self._stream = stream
        self._size = os.fstat(stream.fileno()).st_size
        head = stream.read(strangers.HEAD)
        stream.seek(0)
        self.compressed = head.startswith(_GZIP)
        self._inflate = zlib.decompressobj(wbits=31) if self.compressed else None
        if self.compressed:
            head = self._next(strangers.HEAD)
        self.shape = self._dimensions(head)
        length = 4 + 4 * len(self.shape)
        self.header, self._ahead = head[:length], head[length:]
        if not self.compressed:  # the stream gives the head a second time
            stream.seek(length)
            self._ahead = b""
        self._check_shape(4 + 4 * len(self.shape) + prod(self.shape))

    def elements(self) -> Iterator[tuple[int, bytes]]:
        """The elements in pieces, each with its position, and then nothing more."""
        start, end = 0, prod(self.shape)
        while start < end:
            piece = self._ahead[: end - start] or self._next(min(_PIECE, end - start))
            self._ahead = self._ahead[len(piece) :]
            if not piece:
                self.fail(
                    f"{self.described()}, cut off after {start:,} of {end:,} bytes",
                    f"the {self.expected.noun} are cut short",
                )
            yield start, piece
            start += len(piece)
        # The last read makes the decompressor check gzip's own checksum and length.
        more = self._ahead or self._next(1)
        if self._inflate and not more:
            if not self._inflate.eof:
                self.fail(
                    f"{self.described()}, without the end of the gzip file",
                    f"the {self.expected.noun} are cut short",
                )
            more = self._inflate.unused_data or self._stream.read(1)
        if more:
            self.fail(
                f"{self.described()}, and more bytes after the {end:,} of them",
                f"the {self.expected.noun} are longer than their header says",
            )

    def fail(self, found: str, problem: str = "") -> NoReturn:
        """Raise the DataError of this file."""
        raise DataError(
            problem or f"these are not {self.expected.noun}",
            file=printable(self.path),
            found=found,
            wanted=self.expected.wanted,
            fix=self.expected.fix,
        )

    def described(self) -> str:
        """The file in words: its shape and its length on disk."""
        return f"{in_words(self.shape)} in {self._bytes()}"

    def _bytes(self) -> str:
        return f"{self._size:,} bytes" + (" of gzip" if self.compressed else "")

    def _next(self, most: int) -> bytes:
        """Up to `most` bytes more of the content; none at its end, or where it breaks off."""
        if self._inflate is None:
            return self._stream.read(most)
        try:
            while not self._inflate.eof:
                packed = self._inflate.unconsumed_tail or self._stream.read(_PIECE)
                piece = self._inflate.decompress(packed, most)
                if piece or not packed:
                    return piece
        except zlib.error as error:
            self.fail(
                f"{self._bytes()}, damaged ({str(error).split(': ')[-1]})",
                f"the {self.expected.noun} are damaged",
            )
        return b""

    def _dimensions(self, head: bytes) -> tuple[int, ...]:
        """The dimensions that the first bytes of the content announce."""
        if len(head) < 4 or head[:2] != b"\0\0":
            inside = "gzip with " if self.compressed else ""
            self.fail(f"{inside}{strangers.describe(head)}, {self._bytes()}")
        kind, rank = head[2], head[3]
        if kind != 0x08:
            name = _ELEMENTS.get(kind, f"an unknown element type (0x{kind:02x})")
            self.fail(f"IDX of {name}, {self._bytes()}")
        if rank not in {self.expected.rank, 1, 3}:
            self.fail(f"IDX with {rank} dimensions, {self._bytes()}")
        if len(head) < 4 + 4 * rank:
            self.fail(
                f"an IDX header cut off after {len(head)} of {4 + 4 * rank} bytes",
                f"the {self.expected.noun} are cut short",
            )
        shape = tuple(int(n) for n in np.frombuffer(head, ">u4", rank, offset=4))
        if rank != self.expected.rank:
            self.fail(f"{in_words(shape)} in {self._bytes()}")
        return shape

    def _check_shape(self, content: int) -> None:
        """Hold the announced dimensions against what is possible and what is wanted.

        `content` is the uncompressed length, header included, that the header promises.
        """
        impossible = f"the header of the {self.expected.noun} cannot be true"
        if not 0 < prod(self.shape) <= LARGEST:
            self.fail(f"{self.described()}: {prod(self.shape):,} bytes", impossible)
        if self.expected.shape not in {None, self.shape}:
            self.fail(self.described())
        least, most = content, content
        if self.compressed:  # what deflate can do at best, and incompressible data at worst
            least, most = content // _DEFLATE_RATIO, content + content // 64 + 65_536
        if self._size < least:
            self.fail(
                f"{self.described()}, which cannot hold {prod(self.shape):,}",
                f"the {self.expected.noun} are cut short",
            )
        if self._size > most:
            self.fail(
                f"{self.described()}, more than {prod(self.shape):,} of them need",
                f"the {self.expected.noun} are longer than their header says",
            )


@contextmanager
def _opened(path: Path, expected: Expected) -> Iterator[_IdxFile]:
    """The file, open and with a possible header; errors of the system become ours."""
    problem = f"the {expected.noun} cannot be read"
    try:
        ordinary = stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        found = "a link that leads nowhere" if path.is_symlink() else "no such file"
        raise DataError(
            problem, file=printable(path), found=found, wanted=expected.wanted, fix=expected.fix
        ) from error
    except OSError as error:
        raise _unreadable(path, problem, error) from error
    if not ordinary:  # to open a pipe or a terminal would be to wait for ever
        found = "a folder" if path.is_dir() else "a pipe, socket or device"
        raise DataError(
            problem, file=printable(path), found=found, wanted=expected.wanted, fix=expected.fix
        )
    try:
        with path.open("rb") as stream:
            yield _IdxFile(stream, path, expected)
    except OSError as error:
        raise _unreadable(path, problem, error) from error


def _unreadable(path: Path, problem: str, error: OSError) -> MachineError:
    return MachineError(
        problem,
        file=printable(path),
        found=error.strerror or str(error),
        wanted="a file that this user may read, on a sound disk",
        fix="see to its rights and its disk, then try again",
    )


def _check_labels(file: _IdxFile, values: NDArray[np.uint8], start: int) -> None:
    """Raise DataError for a label that names no class; `values` begin at position `start`."""
    if file.expected.rank != 1 or values.max() < file.expected.classes:
        return
    first = int(np.argmax(values >= file.expected.classes))
    file.fail(
        f"label {values[first]} at position {start + first:,}, counted from 0",
        f"the {file.expected.noun} are outside the {file.expected.classes} classes",
    )
