"""Opening what should be a model file, and the errors for what is none or is damaged.

Nothing here unpacks or runs what is in such a file; names and first bytes tell enough.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from handstitch.errors import MachineError, ModelFileError

WANTED: Final = "a model file of Handstitch (.safetensors) or weights in the report's layout (.npz)"
ZIP: Final = b"PK\x03\x04"
_EXPORT: Final = (
    "export float arrays weights_0 (inputs, outputs), bias_0 (1, outputs), weights_2, …\n"
    "with np.savez, and give that file"
)
_LAST_RECORD: Final = struct.Struct("<4s4H2LH")  # PKZIP's end of central directory
_ZIP64: Final = b"PK\x06\x07"  # 20 bytes before the end: the real directory is elsewhere
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")  # and one entry of that directory


_BEGINNINGS: Final = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file", "run: git lfs pull"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (.h5), as Keras writes them", _EXPORT),
    (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9", "a PyTorch file (.pt) of the old kind", _EXPORT),
    *(
        (b"\x80" + bytes([protocol]), "a pickle, which can run any program when opened", _EXPORT)
        for protocol in range(2, 6)
    ),
    (b"\x93NUMPY", "a single NumPy array (.npy)", _EXPORT),
    (b"\x1f\x8b", "a file compressed with gzip", "unpack it first: gunzip FILE"),
    (b"GGUF", "a GGUF file", _EXPORT),
)


def refuse(
    path: Path,
    found: str,
    wanted: str = WANTED,
    fix: str = "give another file, or train one: handstitch train",
) -> ModelFileError:
    """The error for a file that is not a model of ours."""
    return ModelFileError(
        "this is not a model file", file=path, found=found, wanted=wanted, fix=fix
    )


def opened(path: Path) -> BinaryIO:
    """`path` open for reading, if it is a file. Raises ModelFileError or OSError."""
    if not path.exists():
        raise ModelFileError(
            "there is no such model file",
            file=path,
            wanted=WANTED,
            fix="correct the name, or train one: handstitch train",
        )
    if not path.is_file():  # a pipe would never end, a device might never begin
        found = "a folder" if path.is_dir() else "a special file"
        raise refuse(path, found, fix="name the file itself")
    return path.open("rb")


def unreadable(path: Path, error: OSError) -> ModelFileError | MachineError:
    """The error for a file that the machine does not hand out."""
    if isinstance(error, PermissionError):
        return MachineError(
            "no right to read this file", file=path, fix="have the rights changed, or copy it"
        )
    return damaged(path, f"the disk does not give it: {error.strerror or error}")


def damaged(path: Path, found: str) -> ModelFileError:
    """The error for a file of ours that is not as it was written."""
    return ModelFileError(
        "this model file is damaged",
        file=path,
        found=found,
        wanted="the file exactly as it was written",
        fix="use another copy of it, or train again",
    )


def recognised(path: Path, file: BinaryIO, size: int) -> ModelFileError | None:
    """The error that names the kind of foreign file this is, or None if it is of no known kind.

    `file` is open at any place and left at another; `size` is in bytes.
    """
    file.seek(0)
    start = file.read(512)
    if not start:
        return refuse(path, "an empty file", fix="give another file, or train again")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return refuse(
            path, "a web page, saved in place of the file", fix="download the file itself"
        )
    if start.startswith(ZIP):
        return _archive(path, member_names(file, size))
    for beginning, kind, fix in _BEGINNINGS:
        if start.startswith(beginning):
            return refuse(path, kind, fix=fix)
    return None


def _archive(path: Path, names: list[str]) -> ModelFileError:
    if any(name.endswith("data.pkl") for name in names):
        return refuse(path, "a PyTorch file (.pt), a zip with a pickle in it", fix=_EXPORT)
    if any(name.endswith(("model.weights.h5", "config.json", "metadata.json")) for name in names):
        return refuse(path, "a Keras file (.keras), a zip with HDF5 in it", fix=_EXPORT)
    held = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
    return refuse(path, f"a zip file with {held}" if held else "a damaged zip file", fix=_EXPORT)


def member_names(file: BinaryIO, size: int, most: int = 1000) -> list[str]:
    """Names in a zip file's directory, in order and at most so many; empty if it has no such thing.

    Only a directory of at most 1 MiB that stands right before the last record will do: Python's
    own reader, which may come after, is then sure to look at the same one, and to be done soon.
    """
    tail_size = min(size, _LAST_RECORD.size + 65_535)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _LAST_RECORD.size > len(tail) or tail[max(at - 20, 0) :].startswith(_ZIP64):
        return []
    *_, length, start, _ = _LAST_RECORD.unpack_from(tail, at)
    if length > 2**20 or start + length != size - tail_size + at:
        return []
    file.seek(start)
    return list(islice(_names(file.read(length)), most))


def _names(directory: bytes) -> Iterator[str]:
    at = 0
    while directory.startswith(b"PK\x01\x02", at) and at + _CENTRAL.size <= len(directory):
        entry = _CENTRAL.unpack_from(directory, at)
        name, extra, comment = entry[10:13]
        at += _CENTRAL.size
        yield directory[at : at + name].decode("utf-8", "replace")
        at += name + extra + comment
