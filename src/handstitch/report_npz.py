"""Weights in the course report's own file: a zip of NumPy arrays, read without trusting it.

    weights_0 (inputs, outputs), bias_0 (1, outputs), weights_2, bias_2, weights_4, bias_4, …

The numbers count the activations between the layers, too. Float64 as the report saved them, or
float32; stored or deflated. NumPy's own reader is used with pickles refused, after the zip's
directory has said how much there is to unpack.
"""

from __future__ import annotations

import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from handstitch import foreign
from handstitch.arrays import zeros
from handstitch.core.parameters import Parameters, count
from handstitch.errors import ModelFileError

_LARGEST_DIRECTORY: Final = 2**15
_FREE_BYTES: Final = 8 * 2**20
_MOST_RATIO: Final = 10
"""The arrays may have _FREE_BYTES, or so many times the file's size: trained weights, unlike the
zeros of a bomb, hardly shrink."""
_END: Final = 22
_LOCATOR: Final = 20
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # a member is encrypted; NotImplementedError: packed by a later method
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,  # a header asks for more than there is
    SyntaxError,
    tokenize.TokenError,
    Warning,
)
"""What zipfile and NumPy raise for a file that is not as they wrote it."""


def is_archive(file: BinaryIO) -> bool:
    """Whether the open `file` is a zip of NumPy arrays, these or others."""
    file.seek(0)
    start = file.read(512)
    return start.startswith(foreign.ZIP) and foreign.first_member(start).endswith(".npy")


def read_report(path: Path, file: BinaryIO, size: int) -> Parameters:
    """θ in float32 from a file of `size` bytes that `is_archive`; the layer sizes follow from the
    shapes.

    Raises ModelFileError for anything but matrices that follow one another, and takes no more
    memory than the file justifies.
    """
    _require_short_directory(path, file, size)
    try:
        with zipfile.ZipFile(file) as archive, warnings.catch_warnings(action="error"):
            members = archive.infolist()
            layers = _layers(path, [member.filename for member in members])
            _require_small(path, members, size)
            pairs = [
                (_array(path, archive, f"weights_{n}"), _array(path, archive, f"bias_{n}"))
                for n in range(0, 2 * layers, 2)
            ]
    except _BROKEN as error:
        raise _refused(path, f"a damaged zip: {str(error) or type(error).__name__}") from error
    sizes = _sizes(path, pairs)
    parameters = Parameters(sizes, zeros(count(sizes)))
    with np.errstate(over="ignore"):
        for layer, (W, b) in enumerate(pairs):
            parameters.weights[layer][:] = W
            parameters.biases[layer][:] = b[0]
    if not np.isfinite(parameters.vector).all():
        raise _refused(path, "numbers that are not finite in float32", "finite numbers")
    return parameters


def _refused(path: Path, found: str, wanted: str | None = None) -> ModelFileError:
    return ModelFileError(
        "these are not weights in the report's layout",
        file=path,
        found=found,
        wanted=wanted or "float arrays weights_0 (inputs, outputs), bias_0 (1, outputs), …",
        fix="save each layer's weights and biases with np.savez as float arrays of these names",
    )


def _require_short_directory(path: Path, file: BinaryIO, size: int) -> None:
    """Raise ModelFileError unless the file ends as NumPy ends it: with a short directory, and the
    plain record of it right behind. Python would read a directory of any length.
    """
    file.seek(max(0, size - _LOCATOR - _END))
    tail = file.read()
    end = tail[-_END:]
    length, start = (int.from_bytes(end[at : at + 4], "little") for at in (12, 16))
    is_last = end.startswith(b"PK\5\6") and start + length == size - _END
    if not is_last or tail.startswith(b"PK\6\7") or length > _LARGEST_DIRECTORY:
        raise _refused(path, "a damaged zip, or one that NumPy did not write")


def _layers(path: Path, names: list[str]) -> int:
    """How many layers the member names tell of."""
    layers = sum(name.startswith("weights_") for name in names)
    wanted = [f"{kind}_{2 * n}.npy" for n in range(layers) for kind in ("weights", "bias")]
    if not layers:
        raise _refused(path, f"other arrays: {_few(names)}")
    if sorted(names) != sorted(wanted):
        missing = [name for name in wanted if name not in names]
        surplus = [name for name in names if name not in wanted or names.count(name) > 1]
        found = [f"no {_few(missing)}"] if missing else []
        found += [f"{_few(surplus)} too many"] if surplus else []
        wanted_names = "weights_0, bias_0, weights_2, bias_2, … and nothing else"
        raise _refused(path, ", ".join(found), wanted_names)
    return layers


def _few(names: list[str]) -> str:
    return ", ".join(name.removesuffix(".npy") for name in names[:3]) + ", …" * (len(names) > 3)


def _require_small(path: Path, members: list[zipfile.ZipInfo], size: int) -> None:
    """Raise ModelFileError for a bomb, and for compressions that take memory of their own."""
    for member in members:
        # NumPy writes no others; LZMA would take up to 4 GiB of addresses because a header says so.
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            found = f"{member.filename}, compressed by method {member.compress_type}"
            raise _refused(path, found, "members that are stored or deflated, as NumPy saves them")
        if member.header_offset > size:  # Python would look there
            raise _refused(path, "a damaged zip")
    unpacked = sum(member.file_size for member in members)
    if unpacked > max(_FREE_BYTES, _MOST_RATIO * size):
        raise _refused(path, f"{unpacked:,} bytes packed in {size:,}")


def _array(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """A member's numbers, all of it read: at its end the zip's checksum is compared."""
    with archive.open(f"{name}.npy") as stream:
        try:
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        except _BROKEN as error:
            raise _refused(path, f"{name}: {str(error) or type(error).__name__}") from error
        if stream.read(1):
            raise _refused(path, f"{name}, with more bytes than its header says")
    if array.dtype.str[1:] not in {"f8", "f4"}:
        raise _refused(path, f"{name}, an array of {array.dtype}", "float64 or float32")
    return array


def _sizes(path: Path, pairs: list[tuple[NDArray[Any], NDArray[Any]]]) -> tuple[int, ...]:
    """The layer sizes, if each layer takes what the one before it gives."""
    sizes: list[int] = []
    for layer, (W, b) in enumerate(pairs):
        if W.ndim != 2 or not W.size or (sizes and len(W) != sizes[-1]):
            found = f"weights_{2 * layer} of shape {W.shape}"
            raise _refused(path, found, f"({sizes[-1] if sizes else 'inputs'}, outputs)")
        if b.shape != (1, W.shape[1]):
            raise _refused(path, f"bias_{2 * layer} of shape {b.shape}", f"(1, {W.shape[1]})")
        sizes += W.shape if not sizes else W.shape[1:]
    return tuple(sizes)
