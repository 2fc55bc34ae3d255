"""Arrays that NumPy saved: an .npz with several, or .npy files in one folder.

x_train, y_train, x_test, y_test as Keras has them; images and labels, X and y, train_images and
val_labels: the words of a key, or of a file's name, say what it holds (`layouts.role`). A .npy of
images stays on the disk; an .npz has to be unpacked into memory, so it is refused if it is larger.
Arrays of Python objects are pickles, which could run any program, and are never opened.
"""

from __future__ import annotations

import errno
import os
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.data import files
from handstitch.data.readers import layouts
from handstitch.data.readers.parts import Options, Parts, Samples
from handstitch.errors import Argument, DataError, Phrase, UsageError, listed, printable
from handstitch.machine import memory

_PROBLEM: Final = "arrays that cannot be read"
_WANTED: Final = "arrays of numbers (labels may be words), as numpy.save and numpy.savez write them"
_FIX: Final = "save them again: numpy.save('images.npy', images); numpy.save('labels.npy', labels)"
_LARGEST_DIRECTORY: Final = 2**20
_PIECE: Final = 2**24
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # a member is encrypted; NotImplementedError: packed by another method
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    SyntaxError,
    tokenize.TokenError,
    Warning,
)
"""Exceptions of zipfile and NumPy for damaged files, beside ValueError."""


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


def read(path: str | Path, options: Options = Options()) -> Parts:  # noqa: B008
    """The data set in an .npz, in a folder with .npy files, or that to which a .npy belongs.

    Raises DataError for missing, damaged or ambiguous arrays, UsageError for a key that `options`
    names in vain, MachineError for an .npz larger than memory.
    """
    path = Path(path)
    if path.is_dir() or _is_npy(path):
        return _read_folder(path, options)
    with files.open_file(path, _PROBLEM, _WANTED, _FIX) as file:
        _require_short_directory(file)
        with _broken_as_value_error("the zip archive"):
            archive = zipfile.ZipFile(file)
        with archive:
            return _read_archive(path, archive, options)


@contextmanager
def _broken_as_value_error(name: str) -> Iterator[None]:
    """Turn what zipfile and NumPy raise for damaged files into ValueError."""
    try:
        with warnings.catch_warnings(action="error"):
            yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    except _BROKEN as error:
        raise ValueError(f"{name}, damaged: {str(error) or type(error).__name__}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's beginning
            raise
        raise ValueError(f"{name}, damaged: its start is missing") from error


def _read_archive(path: Path, archive: zipfile.ZipFile, options: Options) -> Parts:
    members = {
        member.filename.removesuffix(".npy"): member
        for member in archive.infolist()
        if member.filename.endswith(".npy")
    }
    chosen = _choose(members, options, path)
    memory.require(
        sum(members[name].file_size for name in chosen.values()),
        f"{printable(path.name)}, unpacked",
        "save each array as a .npy of its own, which is read from the disk as it is needed: "
        "numpy.save('images.npy', images)",
    )
    return _assemble(
        {name: f"{path}, {name}" for name in members},
        chosen,
        lambda name: _unpack(archive, members[name]),
        path,
    )


def _read_folder(path: Path, options: Options) -> Parts:
    """The .npy files in a folder, or those that go with one of them."""
    folder = path if path.is_dir() else path.parent
    names = {file.name.removesuffix(".npy"): file for file in sorted(folder.glob("*.npy"))}
    given: dict[tuple[str, str], str] = {}
    if path != folder:
        part, kind, stem = layouts.role(path.name)
        names = {name: file for name, file in names.items() if layouts.role(name).stem == stem}
        given = {(part, kind or "images"): path.name.removesuffix(".npy")}
    chosen = {**_choose(names, options, path), **given}
    return _assemble(names, chosen, lambda name: _map(names[name]), path)


def _choose(names: Iterable[str], options: Options, where: Path) -> dict[tuple[str, str], str]:
    """(part, kind) → the array that holds it, by its name.

    A name of nothing but the usual words goes first: x_train before x_train_noisy.
    """
    named = {
        ("train", kind): name.removesuffix(".npy")
        for kind, name in (("images", options.images), ("labels", options.labels))
        if name
    }
    for (_, kind), name in named.items():
        if name not in names:
            raise UsageError(
                f"no array of this name: {printable(name)}",
                file=printable(where),
                found=listed(sorted(names)) or "no arrays",
                wanted="the name of an array in it",
                fix=Phrase("for example {}", Argument(kind, next(iter(names), "…"))),
            )
    candidates: dict[tuple[str, str], list[str]] = {}
    for name in names:
        part, kind, _ = layouts.role(name)
        if kind:
            candidates.setdefault((part, kind), []).append(name)
    chosen = {}
    for role, several in candidates.items():
        usual = [name for name in several if not layouts.role(name).stem] or several
        if len(usual) > 1 and role not in named:
            raise DataError(
                f"several arrays may be the {' '.join(role)}".replace("train", "training"),
                file=printable(where),
                found=listed(sorted(usual)),
                wanted="one",
                fix=Phrase("say which: {}", Argument(role[1], usual[0])),
            )
        chosen[role] = usual[0]
    return {**chosen, **named}


def _assemble(
    places: Mapping[str, object],
    chosen: dict[tuple[str, str], str],
    load: Callable[[str], NDArray[Any]],
    path: Path,
) -> Parts:
    """The parts in the arrays that are chosen; `places` says in messages where each stands."""

    def pair(images: str, labels: str) -> Samples:
        return layouts.samples(
            layouts.to_images(load(images), places[images]),
            layouts.to_labels(load(labels), places[labels]),
            places[images],
        )

    return layouts.assemble(
        chosen,
        pair,
        path,
        found=f"arrays {listed(sorted(places))}" if places else "no arrays",
        fix=Phrase(
            "save both, as images and labels, or say what they are called: {}, {}",
            Argument("images", next(iter(places), "…")),
            Argument("labels", "…"),
        ),
    )


def _is_npy(path: Path) -> bool:
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
