"""Open a model file; explain files of other formats, and damaged ones.

Nothing in such a file is unpacked or executed; names and magic bytes are enough.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

from handstitch import storage
from handstitch.errors import Call, MachineError, ModelFileError, Phrase
from handstitch.storage import file_types

WANTED: Final = "a model file of Handstitch (.safetensors) or weights (.npz)"
ZIP: Final = b"PK\x03\x04"
_OTHER_FILE: Final = Phrase("give another file, or train one: {}", Call("train"))
_EXPORT: Final = (
    "export float arrays weights_0 (inputs, outputs), bias_0 (1, outputs), weights_2, …\n"
    "with np.savez, and give that file"
)
_FIXES: Final = {
    "a Git LFS pointer": "run: git lfs pull",
    "a gzip file": "unpack it first: gunzip FILE",
    "a web page": "download the file itself",
    **dict.fromkeys(("an HDF5", "a PyTorch", "a pickle", "a NumPy array", "a GGUF"), _EXPORT),
}
"""Start of a file type's name → what to do with such a file."""


class OtherFormatError(ModelFileError):
    """A file of another format version: not damaged, only unreadable here."""


def refuse(path: Path, found: str, wanted: str = WANTED, fix: str = _OTHER_FILE) -> ModelFileError:
    """The error for a file that is not a model file."""
    return ModelFileError(
        "this is not a model file", file=path, found=found, wanted=wanted, fix=fix
    )


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading. Raises ModelFileError or OSError."""
    if not path.exists():
        raise ModelFileError(
            "there is no such model file",
            file=path,
            wanted=WANTED,
            fix=Phrase("correct the name, or train one: {}", Call("train")),
        )
    try:
        return storage.open_file(path)
    except IsADirectoryError as error:
        raise refuse(path, str(error.strerror), fix="name the file itself") from None


def unreadable(path: Path, error: OSError) -> ModelFileError | MachineError:
    """The error for a file that the operating system could not read."""
    if isinstance(error, PermissionError):
        return MachineError(
            "permission denied", file=path, fix="change its permissions, or copy it"
        )
    return damaged(path, f"it could not be read: {error.strerror or error}")


def damaged(path: Path, found: str) -> ModelFileError:
    """The error for a model file that is not as it was written."""
    return ModelFileError(
        "this model file is damaged",
        file=path,
        found=found,
        wanted="the file exactly as it was written",
        fix="use another copy of it, or train again",
    )


def identify(path: Path, file: BinaryIO) -> ModelFileError | None:
    """The error that names the type of this foreign file; None if it is of no known type.

    `file` may be open at any position, and is left at another.
    """
    file.seek(0)
    start = file.read(file_types.HEAD)
    if start.startswith(ZIP):
        return refuse(path, _archive(first_member(start)), fix=_EXPORT)
    found = file_types.identify(start)
    if found is None:
        return None
    fixes = (fix for name, fix in _FIXES.items() if found.startswith(name))
    return refuse(path, found, fix=next(fixes, _OTHER_FILE))


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
