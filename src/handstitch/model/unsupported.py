"""Opening what should be a model file, and the errors for what is none or is damaged.

Nothing here unpacks or runs what is in such a file; names and first bytes tell enough.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

from handstitch.errors import MachineError, ModelFileError

WANTED: Final = "a model file of Handstitch (.safetensors) or weights in the report's layout (.npz)"
ZIP: Final = b"PK\x03\x04"
_EXPORT: Final = (
    "export float arrays weights_0 (inputs, outputs), bias_0 (1, outputs), weights_2, …\n"
    "with np.savez, and give that file"
)

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


def recognised(path: Path, file: BinaryIO) -> ModelFileError | None:
    """The error that names the kind of foreign file this is, or None if it is of no known kind.

    `file` is open at any place and left at another.
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
        return refuse(path, _archive(first_member(start)), fix=_EXPORT)
    for beginning, kind, fix in _BEGINNINGS:
        if start.startswith(beginning):
            return refuse(path, kind, fix=fix)
    return None


def first_member(start: bytes) -> str:
    """The name of a zip file's first member, from the first bytes of the file."""
    length = int.from_bytes(start[26:28], "little")
    return start[30 : 30 + length].decode("utf-8", "replace")


def _archive(first: str) -> str:
    if first.endswith("data.pkl"):
        return "a PyTorch file (.pt), a zip with a pickle in it"
    if first.endswith(("model.weights.h5", "config.json", "metadata.json")):
        return "a Keras file (.keras), a zip with HDF5 in it"
    return f"a zip file with {first}" if first else "a damaged zip file"
