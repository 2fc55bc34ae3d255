"""Safetensors files with named arrays and metadata, read strictly.

Our metadata is one JSON object under the single key `handstitch` of the file's metadata, and
holds a SHA-256 over itself and every array. The same arrays and metadata give the same header in
every process, so a file is sound if its header is the one that would be written for what was read
from it: one changed bit anywhere, and the file is refused.

safetensors 0.8.0 silently writes other numbers for arrays that are not C-contiguous, and several
metadata keys in an order that changes from process to process; hence the copies and the one key.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from handstitch.errors import MachineError, ModelFileError
from handstitch.machine import memory
from handstitch.model import unsupported
from handstitch.storage.reading import count_values

Tensors = dict[str, NDArray[Any]]
Shapes = dict[str, tuple[int, ...]]
Metadata = dict[str, Any]

FORMAT: Final = "handstitch model"
VERSION: Final = 2
"""Of the format."""
_KEY: Final = "handstitch"
_TYPES: Final = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
_HEADER_LIMIT: Final = 5 * 2**20
"""Bytes, and with the next the number of values: 20,000 epochs of history, with some air."""
_VALUES_LIMIT: Final = 400_000


class _Entry(msgspec.Struct):
    """An array's entry in the header; under `__metadata__`, our metadata."""

    dtype: str = ""
    shape: list[int] = []
    handstitch: str | None = None

    @property
    def bytes(self) -> int:
        return prod(self.shape) * np.dtype(_TYPES[self.dtype]).itemsize


def encode(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Metadata
) -> list[bytes | memoryview]:
    """The file's bytes, piece by piece, for `storage.write`; floats come back bit for bit.

    `metadata` must be JSON with string keys and finite numbers; otherwise ModelFileError about
    `path` is raised.
    """
    arrays = {
        name: np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
        for name, array in sorted(tensors.items())
    }
    header = _header_for(path, arrays, metadata)
    flat = (array.reshape(-1).view(np.uint8) for array in arrays.values())
    return [header, *(array.data for array in flat)]


def _header_for(path: Path, arrays: Tensors, metadata: Metadata) -> bytes:
    # safetensors' own writer copies every array twice on its way to a file. What it would write
    # is this: the header's length, the header, and the arrays as they lie in memory.
    description = metadata | {"format": FORMAT, "version": VERSION}
    try:
        description["digest"] = _digest(_json(description, sort_keys=True), arrays)
        text = _json(description, sort_keys=True).decode()
    except (ValueError, RecursionError) as error:  # not finite, not Unicode, endless
        raise ModelFileError(
            "this cannot be stored in a model file", file=path, found=str(error)
        ) from error
    entries: dict[str, Any] = {"__metadata__": {_KEY: text}}
    end = 0
    for name, array in arrays.items():
        start, end = end, end + array.nbytes
        kind = next(kind for kind, numpy_kind in _TYPES.items() if numpy_kind == array.dtype)
        entries[name] = {"dtype": kind, "shape": array.shape, "data_offsets": (start, end)}
    header = _json(entries)
    header += b" " * (-len(header) % 8)
    if len(header) > _HEADER_LIMIT or count_values(header) > _VALUES_LIMIT:
        raise ModelFileError(
            "this does not fit in a model file",
            file=path,
            found=f"a description of {len(header):,} bytes",
            wanted=f"at most {_HEADER_LIMIT:,}, which is about 20,000 epochs",
            fix="train for fewer epochs",
        )
    return len(header).to_bytes(8, "little") + header


def read_tensors(
    path: str | Path, check: Callable[[Metadata, Shapes], None] | None = None
) -> tuple[Tensors, Metadata]:
    """Read arrays and metadata of a file that `encode` made; every bit is verified.

    `check` is called with the metadata and the arrays' shapes before the arrays are read, so that
    it can refuse a file before it costs memory. Raises ModelFileError for a file that is
    missing, foreign or damaged, MachineError for one that may not be read.
    """
    path = Path(path)
    try:
        with unsupported.open_file(path) as file:
            return _read(path, file, check)
    except OSError as error:
        raise unsupported.unreadable(path, error) from error
    except MemoryError:
        raise MachineError(
            "not enough memory for this model file",
            file=path,
            found=f"{path.stat().st_size:,} bytes",
        ) from None


def _read(
    path: Path, file: BinaryIO, check: Callable[[Metadata, Shapes], None] | None
) -> tuple[Tensors, Metadata]:
    size = os.fstat(file.fileno()).st_size
    header = _header(path, file)
    shapes, metadata = _parse(path, header, size)
    if check:
        check(metadata, shapes)
    # The bytes, the arrays made of them, and the network's own copy.
    memory.require(3 * size, f"{path.name}, {size:,} bytes", memory.OF_A_FILE)
    file.seek(0)
    data = file.read(size + 1)
    try:
        arrays: Tensors = safetensors.numpy.load(data)
        header = _header_for(path, dict(sorted(arrays.items())), metadata)
    except (SafetensorError, ValueError, OverflowError) as error:
        raise unsupported.damaged(path, str(error)) from error
    if not data.startswith(header):
        raise unsupported.damaged(path, "its content does not match its SHA-256")
    return arrays, metadata


def _header(path: Path, file: BinaryIO) -> bytes:
    """The header's bytes, if they can be the header of a safetensors file."""
    start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    if start[8:] != b"{" or not 2 <= length <= _HEADER_LIMIT:
        raise unsupported.identify(path, file) or unsupported.refuse(path, "a file of unknown type")
    header = b"{" + file.read(length - 1)
    if count_values(header) > _VALUES_LIMIT:
        raise unsupported.refuse(path, f"a safetensors header with {count_values(header):,} values")
    return header


def _parse(path: Path, header: bytes, size: int) -> tuple[Shapes, Metadata]:
    """Shapes of the arrays in a file of `size` bytes, and our metadata, not yet verified."""
    try:
        entries = msgspec.json.decode(header, type=dict[str, _Entry])
        text = entries.pop("__metadata__", _Entry()).handstitch
        if text is None:
            more = f" and {len(entries) - 4} more" if len(entries) > 4 else ""
            raise unsupported.refuse(
                path,
                "a safetensors file of another program, with "
                f"{', '.join(sorted(entries)[:4]) or 'no tensors'}{more}",
                wanted="layers.0.weight (inputs, outputs), layers.0.bias (outputs,), …\n"
                f"and metadata under the key {_KEY!r}",
                fix="save its weights with np.savez as weights_0, bias_0, weights_2, …, "
                "and give that",
            )
        metadata = msgspec.json.decode(text, type=Metadata)
        wanted = 8 + len(header) + sum(entry.bytes for entry in entries.values())
    except (ValueError, RecursionError, KeyError) as error:
        raise unsupported.damaged(path, f"its header cannot be read: {error}") from error
    version = metadata.pop("version", None)
    if metadata.pop("format", None) == FORMAT and version != VERSION:
        raise unsupported.OtherFormatError(
            "this file was written by another version of Handstitch",
            file=path,
            found=f"format version {version}",
            wanted=f"version {VERSION}",
            fix="upgrade: pip install -U handstitch; or train again",
        )
    if size != wanted:
        raise unsupported.damaged(path, f"{size:,} bytes, where its header says {wanted:,}")
    metadata.pop("digest", None)
    return {name: tuple(entry.shape) for name, entry in entries.items()}, metadata


def _json(value: object, *, sort_keys: bool = False) -> bytes:
    # Exactly what safetensors writes, save that it has its own order of keys.
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=sort_keys, separators=(",", ":")
    ).encode()


def _digest(description: bytes, arrays: Tensors) -> str:
    """SHA-256, in hexadecimal, over the metadata and every array, with their lengths."""
    digest = hashlib.sha256(len(description).to_bytes(8, "little") + description)
    for name, array in arrays.items():
        facts = json.dumps([name, array.dtype.str, array.shape]).encode()
        digest.update(len(facts).to_bytes(8, "little") + facts)
        digest.update(np.ascontiguousarray(array).data if array.nbytes else b"")
    return digest.hexdigest()
