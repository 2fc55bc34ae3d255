"""Named arrays and a description in one safetensors file, read strictly.

The description is one JSON object under the single key `handstitch` of the file's metadata. It
holds a SHA-256 over itself and every array, and must be spelled exactly as we spell it: one
changed bit anywhere, and the file is refused. The same arrays and description give the same
bytes in every process.

safetensors 0.8.0 silently writes other numbers for arrays that are not C-contiguous, and several
metadata keys in an order that changes from process to process; hence the copies and the one key.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from handstitch import foreign, storage
from handstitch.errors import MachineError, ModelFileError

Tensors = dict[str, NDArray[Any]]
Shapes = dict[str, tuple[int, ...]]
Metadata = dict[str, Any]

FORMAT: Final = "handstitch model"
VERSION: Final = 1
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
_BEGINNING: Final = re.compile(
    rb'\{"__metadata__":\{"handstitch":("[^"\\]*+(?:\\.[^"\\]*+)*+")\},?'
)
_DESCRIPTION_LIMIT: Final = 4 * 2**20
"""Bytes, and with the next the number of values: 20,000 epochs of history, with some air."""
_VALUES_LIMIT: Final = 400_000
_ARRAYS_LIMIT: Final = 1_000
_ENTRIES_LIMIT: Final = 200 * _ARRAYS_LIMIT


class NewerFileError(ModelFileError):
    """A file of a later version of the format: not damaged, only unreadable here."""


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]

    @property
    def bytes(self) -> int:
        return prod(self.shape) * np.dtype(_TYPES[self.dtype]).itemsize


def write_tensors(
    path: str | Path,
    tensors: Mapping[str, NDArray[Any]],
    metadata: Metadata,
    *,
    generations: bool = False,
    lasting: bool = True,
) -> None:
    """Write the arrays and the description, whole or not at all; floats come back bit for bit.

    `metadata` is made of what JSON has: its keys are strings, its numbers finite. With
    `generations` the file that stood there is kept (`storage.previous`). `lasting` as in
    `storage.write`. Raises ModelFileError if
    it cannot be described so, MachineError if the disk does not take it.
    """
    path = Path(path)
    data = encoded(path, tensors, metadata)
    if generations:
        storage.write_generation(path, data)
    else:
        storage.write(path, data, lasting=lasting)


def encoded(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Metadata
) -> list[bytes | memoryview]:
    """The file's bytes, piece by piece; `path` is for messages."""
    arrays = {name: _plain(array) for name, array in sorted(tensors.items())}
    description = metadata | {"format": FORMAT, "version": VERSION}
    try:
        description["digest"] = _digest(_canonical(description), arrays)
        text = _canonical(description)
    except (ValueError, RecursionError) as error:  # not finite, not Unicode, endless
        raise ModelFileError(
            "this cannot be kept in a model file", file=path, found=error
        ) from error
    if len(text) > _DESCRIPTION_LIMIT or _values(text) > _VALUES_LIMIT:
        raise ModelFileError(
            "this does not fit in a model file",
            file=path,
            found=f"a description of {len(text):,} bytes",
            wanted=f"at most {_DESCRIPTION_LIMIT:,}, which is about 20,000 epochs",
            fix="train for fewer epochs",
        )
    return [_header_of(arrays, text), *(_bytes_of(array) for array in arrays.values())]


def _header_of(arrays: Tensors, text: bytes) -> bytes:
    # safetensors' own writer copies every array twice on its way to a file. What it would write
    # is this: the header's length, the header, and the arrays as they lie in memory.
    entries: dict[str, Any] = {"__metadata__": {_KEY: text.decode()}}
    start = 0
    for name, array in arrays.items():
        end = start + array.nbytes
        kind = next(kind for kind, numpy_kind in _TYPES.items() if numpy_kind == array.dtype)
        entries[name] = {"dtype": kind, "shape": array.shape, "data_offsets": (start, end)}
        start = end
    header = _spelled(entries)
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return memoryview(array.reshape(-1).view(np.uint8).data)


def read_tensors(
    path: str | Path, check: Callable[[Metadata, Shapes], None] | None = None
) -> tuple[Tensors, Metadata]:
    """The arrays and the description of a file that `write_tensors` wrote, every bit verified.

    `check` is called with the description and the shapes of the arrays before these are read, so
    that it can refuse a file before it costs memory. Raises ModelFileError for a file that is
    missing, foreign or damaged, MachineError for one that may not be read.
    """
    path = Path(path)
    try:
        with foreign.opened(path) as file:
            return _read(path, file, check)
    except OSError as error:
        raise foreign.unreadable(path, error) from error
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
    header = _header(path, file, size)
    entries, text = _entries(path, header, size)
    metadata = _metadata(path, text)
    digest = metadata.pop("digest", None)
    described = _canonical(metadata)
    del metadata["format"], metadata["version"]
    if check:
        check(metadata, {name: tuple(entry.shape) for name, entry in entries.items()})
    file.seek(0)
    data = file.read(size + 1)
    if len(data) != size or not data.startswith(header, 8):
        raise foreign.damaged(path, "it changes while it is read")
    try:
        arrays = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, OverflowError) as error:
        raise foreign.damaged(path, str(error)) from error
    if digest != _digest(described, dict(sorted(arrays.items()))):
        raise foreign.damaged(
            path, "its content does not have the SHA-256 that it had when written"
        )
    return arrays, metadata


def _header(path: Path, file: BinaryIO, size: int) -> bytes:
    """The header as it stands in the file, if it can be the header of a safetensors file."""
    start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    if start[8:] == b"{" and 2 <= length <= 2 * _DESCRIPTION_LIMIT + _ENTRIES_LIMIT:
        if length > size - 8:
            raise foreign.damaged(path, f"the file ends after {size:,} bytes, within its header")
        return b"{" + file.read(length - 1)
    raise foreign.recognised(path, file) or foreign.refuse(
        path, f"{size:,} bytes of no known kind"
    )


def _entries(path: Path, header: bytes, size: int) -> tuple[dict[str, _Entry], bytes]:
    """What the header says of each array, and our description."""
    beginning = _BEGINNING.match(header)
    rest = b"{" + header[beginning.end() :] if beginning else header
    if len(rest) > _ENTRIES_LIMIT or _values(rest) > 10 * _ARRAYS_LIMIT:
        raise foreign.refuse(
            path, f"a safetensors file with {_values(rest):,} values in its header"
        )
    try:
        if not beginning:
            raise _unmarked(path, list(msgspec.json.decode(rest, type=dict[str, msgspec.Raw])))
        text: str = msgspec.json.decode(beginning[1], type=str)
        entries = msgspec.json.decode(rest, type=dict[str, _Entry])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise foreign.damaged(path, f"its header cannot be read: {error}") from error
    if not all(entry.dtype in _TYPES for entry in entries.values()):
        raise foreign.damaged(path, "an array of a type that none of ours has")
    wanted = 8 + len(header) + sum(entry.bytes for entry in entries.values())
    if size != wanted:
        raise foreign.damaged(path, f"{size:,} bytes, where its header says {wanted:,}")
    spelled = _spelled({"__metadata__": {_KEY: text}, **msgspec.to_builtins(entries)})
    if header != spelled + b" " * (-len(spelled) % 8):
        raise foreign.damaged(path, "its header is not spelled as it was written")
    return entries, text.encode()


def _unmarked(path: Path, names: list[str]) -> ModelFileError:
    names = sorted(set(names) - {"__metadata__"})
    held = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return foreign.refuse(
        path,
        f"a safetensors file of another program, with {held or 'no tensors'}",
        wanted="layers.0.weight (inputs, outputs), layers.0.bias (outputs,), …\n"
        f"and metadata under the key {_KEY!r}",
        fix="save its weights with np.savez as weights_0, bias_0, weights_2, …, and give that",
    )


def _values(json_text: bytes) -> int:
    """An upper bound of the number of values in a JSON text, and of what parsing it costs."""
    return sum(map(json_text.count, (b",", b":", b"[", b"{")))


def _metadata(path: Path, text: bytes) -> Metadata:
    if _values(text) > _VALUES_LIMIT:
        raise foreign.damaged(path, f"a description with {_values(text):,} values")
    try:
        metadata = msgspec.json.decode(text, type=Metadata)
        version = metadata.get("version")
        if metadata.get("format") == FORMAT and isinstance(version, int) and version > VERSION:
            raise NewerFileError(
                "this file was written by a newer Handstitch",
                file=path,
                found=f"format version {version}",
                wanted=f"at most version {VERSION}",
                fix="upgrade: pip install --upgrade handstitch",
            )
        if metadata.get("format") != FORMAT or version is not VERSION:
            raise foreign.damaged(path, "a description of no known format")
        if _canonical(metadata) != text:
            raise foreign.damaged(path, "its description is not spelled as it was written")
    except (ValueError, RecursionError) as error:
        raise foreign.damaged(path, f"its description cannot be read: {error}") from error
    return metadata


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _canonical(metadata: Metadata) -> bytes:
    return json.dumps(
        metadata, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def _spelled(header: object) -> bytes:
    # Exactly what safetensors writes, save that it has its own order of keys.
    return json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()


def _digest(description: bytes, arrays: Tensors) -> str:
    """SHA-256, in hexadecimal, over the description and every array, each with its length."""
    digest = hashlib.sha256(len(description).to_bytes(8, "little") + description)
    for name, array in arrays.items():
        facts = json.dumps([name, array.dtype.str, array.shape]).encode()
        digest.update(len(facts).to_bytes(8, "little") + facts)
        digest.update(np.ascontiguousarray(array).data if array.nbytes else b"")
    return digest.hexdigest()
