"""Weights in the course report's own file: a zip of NumPy arrays, read without trusting it.

    weights_0 (inputs, outputs), bias_0 (1, outputs), weights_2, bias_2, weights_4, bias_4, …

The numbers count the activations between the layers, too. Float64 as the report saved them, or
float32; stored or deflated. np.load is not used: it can be made to run programs (pickles) and
takes the memory that a header asks for.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, NamedTuple

import numpy as np

from handstitch import foreign
from handstitch.arrays import Matrix, zeros
from handstitch.core.parameters import Parameters, count
from handstitch.errors import ModelFileError

_MOST_LAYERS: Final = 64
_FREE_BYTES: Final = 8 * 2**20
_MOST_RATIO: Final = 10
"""The arrays may have _FREE_BYTES, or so many times the file's size: trained weights, unlike the
zeros of a bomb, hardly shrink."""
_MAGIC: Final = b"\x93NUMPY"
_LONGEST_HEADER: Final = 4_096
_HEADER: Final = re.compile(
    rb"\{'descr': (?:'([^']{1,16})'|\[.{1,999}\]), 'fortran_order': (True|False), "
    rb"'shape': \((\d{1,9}(?:, \d{1,9}){0,7},?|)\), \} *\n"
)
_OBJECTS: Final = re.compile(rb"'[|<>=]?O[48]?'")
_FIRST_BYTES: Final = 512
_COMPRESSIONS: Final = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "lzma"}
_TYPES: Final = {b"<f8", b">f8", b"<f4", b">f4"}
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # a feature of zip files that Python does not have
    RuntimeError,  # a member is encrypted
    ValueError,
    LookupError,
)


class _Facts(NamedTuple):
    """What the header of a .npy file says of the numbers behind it."""

    dtype: np.dtype[Any]
    fortran_order: bool
    shape: tuple[int, ...]


def is_archive(file: BinaryIO, size: int) -> bool:
    """Whether the open `file` of `size` bytes is a zip of NumPy arrays, these or others."""
    file.seek(0)
    if file.read(4) != foreign.ZIP:
        return False
    names = foreign.member_names(file, size)
    return bool(names) and all(name.endswith(".npy") for name in names)


def read_report(path: Path, file: BinaryIO, size: int) -> Parameters:
    """θ in float32 from a file that `is_archive`; the layer sizes follow from the shapes.

    Raises ModelFileError for anything but matrices that follow one another, and takes no more
    memory than the file justifies.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            _refuse_compressions(path, archive)
            _refuse_pickles(path, archive, names)
            layers = _layers(path, names)
            facts = {name: _facts(path, archive, name) for name in names}
            sizes = _sizes(path, layers, facts)
            if 8 * count(sizes) > max(_FREE_BYTES, _MOST_RATIO * size):
                raise _refused(path, f"{count(sizes):,} numbers packed in {size:,} bytes")
            parameters = Parameters(sizes, zeros(count(sizes)))
            for layer in range(layers):
                for name, target in (
                    (f"weights_{2 * layer}.npy", parameters.weights[layer]),
                    (f"bias_{2 * layer}.npy", parameters.biases[layer].reshape(1, -1)),
                ):
                    _read_into(target, path, archive, name, facts[name])
    except _BROKEN as error:
        raise _refused(path, f"a damaged zip: {str(error) or type(error).__name__}") from error
    return parameters


def _refused(path: Path, found: str, wanted: str | None = None) -> ModelFileError:
    return ModelFileError(
        "these are not weights in the report's layout",
        file=path,
        found=found,
        wanted=wanted or "float arrays weights_0 (inputs, outputs), bias_0 (1, outputs), …",
        fix="save each layer's weights and biases with np.savez as float arrays of these names",
    )


def _refuse_compressions(path: Path, archive: zipfile.ZipFile) -> None:
    # NumPy writes no others; LZMA would take up to 4 GiB of addresses because a header says so.
    for member in archive.infolist():
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            kind = _COMPRESSIONS.get(member.compress_type, f"method {member.compress_type}")
            raise _refused(
                path,
                f"{member.filename}, compressed by {kind}",
                "members that are stored or deflated, as np.savez and np.savez_compressed do",
            )


def _refuse_pickles(path: Path, archive: zipfile.ZipFile, names: list[str]) -> None:
    for name in names[: 2 * _MOST_LAYERS]:
        with archive.open(name) as stream:
            if _OBJECTS.search(stream.read(_FIRST_BYTES)):
                raise _refused(
                    path,
                    f"{name.removesuffix('.npy')}, pickled objects, which can run any program",
                )


def _layers(path: Path, names: list[str]) -> int:
    """How many layers the member names tell of."""
    layers = sum(name.startswith("weights_") for name in names)
    wanted = {f"{kind}_{2 * n}.npy" for kind in ("weights", "bias") for n in range(layers)}
    if not layers:
        raise _refused(path, f"other arrays: {_few(names)}")
    surplus = sorted(set(names) - wanted) or sorted({n for n in names if names.count(n) > 1})
    missing = sorted(wanted - set(names))
    if layers > _MOST_LAYERS or surplus or missing:
        found = [f"no {_few(missing)}"] if missing else []
        found += [f"{_few(surplus)} too many"] if surplus else []
        raise _refused(
            path,
            ", ".join(found) or f"{layers} layers",
            "weights_0, bias_0, weights_2, bias_2, … and nothing else",
        )
    return layers


def _few(names: list[str]) -> str:
    return ", ".join(name.removesuffix(".npy") for name in names[:3]) + ", …" * (len(names) > 3)


def _facts(path: Path, archive: zipfile.ZipFile, name: str) -> _Facts:
    """The header of a member, which must fit the length that the zip declares for it."""
    member = archive.getinfo(name)
    with archive.open(member) as stream:
        facts, start = _header(path, name, stream)
    length = start + int(np.prod(facts.shape, dtype=object)) * facts.dtype.itemsize
    if member.file_size != length:
        raise _refused(path, f"{name}, {member.file_size:,} bytes; its header says {length:,}")
    return facts


def _header(path: Path, name: str, stream: IO[bytes]) -> tuple[_Facts, int]:
    """What the header says, and how many bytes it has."""
    start = stream.read(12)
    if start[:6] != _MAGIC or start[6:8] not in {b"\1\0", b"\2\0", b"\3\0"}:
        raise _refused(path, f"{name}, which is no NumPy array")
    rest = b""
    if start[6] == 1:  # two bytes of length where the later versions have four
        (length,) = struct.unpack("<H", start[8:10])
        rest = start[10:]
    else:
        (length,) = struct.unpack("<L", start[8:12])
    if length > _LONGEST_HEADER:
        raise _refused(path, f"{name} with a header of {length:,} bytes")
    text = rest + stream.read(length - len(rest))
    match = _HEADER.fullmatch(text)
    if not match:
        raise _refused(path, f"{name} with a header as NumPy does not write it")
    if match[1] not in _TYPES:
        kind = match[1].decode("ascii", "replace") if match[1] else "records"
        raise _refused(path, f"{name}, an array of {kind}", "float64 or float32")
    shape = tuple(int(length) for length in match[3].replace(b",", b" ").split())
    return _Facts(np.dtype(match[1].decode()), match[2] == b"True", shape), len(start) + len(
        text
    ) - len(rest)


def _sizes(path: Path, layers: int, facts: dict[str, _Facts]) -> tuple[int, ...]:
    """The layer sizes, if each layer takes what the one before it gives."""
    sizes: list[int] = []
    for number in range(0, 2 * layers, 2):
        shape = facts[f"weights_{number}.npy"].shape
        bias = facts[f"bias_{number}.npy"].shape
        inputs = sizes[-1] if sizes else "inputs"
        if len(shape) != 2 or 0 in shape or (sizes and shape[0] != sizes[-1]):
            raise _refused(path, f"weights_{number} of shape {shape}", f"({inputs}, outputs)")
        if bias != (1, shape[1]):
            raise _refused(path, f"bias_{number} of shape {bias}", f"(1, {shape[1]})")
        sizes += shape if not sizes else shape[1:]
    return tuple(sizes)


def _read_into(
    target: Matrix, path: Path, archive: zipfile.ZipFile, name: str, facts: _Facts
) -> None:
    """target ← the member's numbers, rounded to float32."""
    size = target.size * facts.dtype.itemsize
    with archive.open(name) as stream:
        _header(path, name, stream)
        data = stream.read(size)  # to the member's end, where zipfile compares the CRC
    array = np.frombuffer(data, facts.dtype)
    with np.errstate(over="ignore"):
        target[:] = array.reshape(facts.shape, order="F" if facts.fortran_order else "C")
    if not np.isfinite(target).all():
        raise _refused(
            path, f"{name} with numbers that are not finite in float32", "finite numbers"
        )
