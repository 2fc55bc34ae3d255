"""Format of a data set of one's own, told by the content of its files, seldom by their names."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from handstitch import storage
from handstitch.data.files import unreadable
from handstitch.data.readers import folders, pictures
from handstitch.errors import UsageError, listed, printable
from handstitch.storage import file_types

WANTED: Final = (
    "a folder with a folder of pictures for each class; a folder of IDX files, or of CIFAR's "
    "binary batches; a file .npz, .npy, .csv or .parquet"
)


_UNREADABLE: Final = "the data could not be read", "a readable file or folder"


class Format(NamedTuple):
    """A format that is read."""

    reader: str
    """Its module in `data.readers`."""
    title: str


FOLDERS: Final = Format("folders", "a folder of pictures")
IDX: Final = Format("idx_pairs", "IDX files")
CIFAR: Final = Format("cifar", "CIFAR batches")
ARRAYS: Final = Format("npz", "NumPy arrays")
TABLES: Final = Format("tables", "a table")

_MOST: Final = 100
"""Entries of a folder that are looked at."""
_BATCH: Final = re.compile(r"(data_batch_\d+|test_batch|train|test)(\.bin)?")
_TABLE: Final = re.compile(r".*\.(csv|tsv|parquet)(\.gz)?", re.IGNORECASE | re.DOTALL)
_PICKLE: Final = b"\x80"


def identify(path: Path) -> tuple[Format, Path]:
    """The format of the data set at `path`, and the folder or file that its reader is given.

    That is a folder one or two levels below, where only one holds data: torchvision's
    `FashionMNIST/raw`. Raises UsageError if nothing is found, MachineError if the path cannot be
    read.
    """
    if not path.is_dir():
        return _of_file(path), path
    try:
        here = _of_folder(path)
        if here not in {IDX, CIFAR} and folders.holds_pictures(path):
            return FOLDERS, path
        entries = list(_entries(path))
        below = [entry for entry in entries if entry.is_dir()]
        inner = (entry for folder in below for entry in _entries(folder) if entry.is_dir())
        looked_at = [*below, *islice(inner, _MOST)]
        found = [(form, folder) for folder in looked_at if (form := _of_folder(folder))]
    except OSError as error:
        raise unreadable(path, error, *_UNREADABLE) from error
    if here is not None:
        return here, path
    if len(found) == 1:
        return found[0]
    if any(map(_is_picture, entries)) or (entries == below != [] and not found):
        return FOLDERS, path  # whose reader says what is missing
    raise UsageError(
        "there are several data sets in this folder"
        if found
        else "there is no data set in this folder",
        file=printable(path),
        found=listed(
            [folder.relative_to(path).as_posix() for _, folder in found]
            or [entry.name for entry in entries]
        )
        or "nothing",
        wanted=WANTED,
        fix="name the folder or file that holds the data",
    )


def _of_file(path: Path) -> Format:
    try:
        head = _head(path)
    except OSError as error:
        raise unreadable(path, error, *_UNREADABLE) from error
    form = _of_head(path.name, head)
    kind = file_types.identify(head)
    if form is None and (_is_text(head) if kind is None else kind == file_types.UTF16):
        form = TABLES  # whatever its name
    if form is not None:
        return form
    raise UsageError(
        "this file is no data set",
        file=printable(path),
        found=kind or f"a file that starts with {head[:16]!r}",
        wanted=WANTED,
        fix="save the data as one of these kinds, or name another path",
    )


def _of_folder(folder: Path) -> Format | None:
    """The format of the files in a folder: pictures beside them are illustrations."""
    found = []
    for entry in _entries(folder):
        if entry.is_file() and not _is_picture(entry):
            form = _of_head(entry.name, _head(entry))
            if form is not TABLES or _TABLE.fullmatch(entry.name):
                found.append(form)
    return next((form for form in (IDX, CIFAR, ARRAYS, TABLES) if form in found), None)


def _of_head(name: str, head: bytes) -> Format | None:
    """The format of a file with this name whose content, decompressed, starts with `head`."""
    if head[:2] == b"\0\0" and head[2:3] in b"\x08\x09\x0b\x0c\x0d\x0e" and len(head) > 4:
        return IDX
    # CIFAR's files have no magic bytes; the pickled ones are refused by their reader.
    if _BATCH.fullmatch(name) and (name.endswith(".bin") or head.startswith(_PICKLE)):
        return CIFAR
    if head.startswith((b"PK\x03\x04", b"\x93NUMPY")):
        return ARRAYS
    is_table = _TABLE.fullmatch(name) and head and b"\0" not in head
    if head.startswith(b"PAR1") or (is_table and file_types.identify(head) is None):
        return TABLES
    return None


def _head(path: Path) -> bytes:
    """The first bytes of a file, of what is in it where it is compressed."""
    with storage.open_file(path) as file:
        head = file.read(1 << 14)
    if head.startswith(b"\x1f\x8b"):
        with suppress(zlib.error):
            head = zlib.decompressobj(wbits=31).decompress(head, file_types.HEAD) or head
    return head[: file_types.HEAD]


def _is_text(head: bytes) -> bool:
    try:
        return "\0" not in codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in pictures.SUFFIXES


def _entries(folder: Path) -> Iterator[Path]:
    """The entries of a folder by name, but for hidden ones and links."""
    shown = (entry for entry in folder.iterdir() if entry.name[0] != "." and not entry.is_symlink())
    return islice(iter(sorted(shown)), _MOST)
