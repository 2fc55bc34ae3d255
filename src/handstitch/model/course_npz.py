"""Read weights from an untrusted npz file, which is a zip of NumPy arrays: the course report's,

    weights_0 (inputs, outputs), bias_0 (1, outputs), weights_2, bias_2, weights_4, bias_4, …

and others (`layouts`). In the course report's the numbers count the activations between the
layers, too. Float64 or float32; stored or deflated. NumPy's own reader is used with pickles
refused, after the zip's directory has said how much there is to unpack.
"""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from handstitch.core.parameters import Parameters
from handstitch.data.readers.numpy_files import BROKEN
from handstitch.model import unsupported
from handstitch.model.layouts import FACTS, facts_of, parameters_of, require_names, unusable

_LARGEST_DIRECTORY: Final = 2**15
_FREE_BYTES: Final = 8 * 2**20
_MOST_RATIO: Final = 10
"""The arrays may have _FREE_BYTES, or so many times the file's size: trained weights, unlike the
zeros of a bomb, hardly shrink."""
_END: Final = 22
_LOCATOR: Final = 20


def is_archive(file: BinaryIO) -> bool:
    """Whether the open `file` is a zip of NumPy arrays."""
    file.seek(0)
    start = file.read(512)
    return start.startswith(unsupported.ZIP) and unsupported.first_member(start).endswith(".npy")


def read(path: Path, file: BinaryIO, size: int) -> tuple[Parameters, dict[str, Any]]:
    """θ in float32 and the FACTS in a file of `size` bytes that `is_archive`; the layer sizes
    follow from the shapes.

    Raises ModelFileError unless the arrays are a chain of layers, and takes no more memory than
    the file justifies.
    """
    _require_short_directory(path, file, size)
    arrays: dict[str, NDArray[Any]] = {}
    name = "its directory"
    try:
        with zipfile.ZipFile(file) as archive, warnings.catch_warnings(action="error"):
            _require_members(path, archive.infolist(), size)
            for name in archive.namelist():
                with archive.open(name) as stream:
                    arrays[name] = np.lib.format.read_array(stream, allow_pickle=False)
                    if stream.read(1):  # at the end, the zip's checksum is compared
                        raise ValueError("more bytes than its header says")
    except BROKEN as error:
        raise unusable(path, f"damaged, {name}: {str(error) or type(error).__name__}") from error
    arrays = {name.removesuffix(".npy"): array for name, array in arrays.items()}
    try:
        facts = facts_of({name: arrays.pop(name) for name in FACTS if name in arrays})
    except ValueError as error:
        raise unusable(path, str(error), "numbers or text") from error
    return parameters_of(path, arrays), facts


def _require_short_directory(path: Path, file: BinaryIO, size: int) -> None:
    """Raise ModelFileError unless the file ends as NumPy writes it: a short directory, then its
    plain end record. Python would read a directory of any length.
    """
    file.seek(max(0, size - _LOCATOR - _END))
    tail = file.read()
    end = tail[-_END:]
    length, start = (int.from_bytes(end[at : at + 4], "little") for at in (12, 16))
    is_last = end.startswith(b"PK\5\6") and start + length == size - _END
    if not is_last or tail.startswith(b"PK\6\7") or length > _LARGEST_DIRECTORY:
        raise unusable(path, "a damaged zip, or one that NumPy did not write")


def _require_members(path: Path, members: list[zipfile.ZipInfo], size: int) -> None:
    """Raise ModelFileError for unexpected members, a zip bomb, or another compression method."""
    names = [member.filename.removesuffix(".npy") for member in members]
    if any(member.filename != f"{name}.npy" for member, name in zip(members, names, strict=True)):
        raise unusable(path, "members that are no arrays")
    require_names(path, names)
    for member in members:
        # LZMA would take up to 4 GiB of addresses because a header says so.
        is_usual = member.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
        if not is_usual or member.header_offset > size:
            found = f"{member.filename}, compressed by method {member.compress_type}"
            raise unusable(path, found, "members that are stored or deflated, as NumPy saves them")
    unpacked = sum(member.file_size for member in members)
    if unpacked > max(_FREE_BYTES, _MOST_RATIO * size):
        raise unusable(path, f"{unpacked:,} bytes packed in {size:,}")
