"""Safetensors files with weights as torch.nn.Linear has them: fc1.weight (outputs, inputs),
fc1.bias, fc2.weight, …; what a prediction needs besides is JSON under the metadata key `note`.

Files of other programs are read, too, if their names are of one of the `layouts`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from handstitch.core.parameters import Parameters
from handstitch.machine import memory
from handstitch.model import unsupported
from handstitch.model.info import Model
from handstitch.model.layouts import (
    FACTS,
    MEANING,
    arrays_of,
    is_name,
    known_facts,
    parameters_of,
    require_names,
    unusable,
)
from handstitch.storage.reading import count_values

_LIMIT: Final = 2**20
"""Bytes of a header."""
_VALUES_LIMIT: Final = 200_000


def encode(model: Model) -> bytes:
    """The bytes of the file; one metadata key, for safetensors orders several at random."""
    arrays = arrays_of(model, "fc1.weight")
    note = json.dumps({"meaning": MEANING} | known_facts(model), ensure_ascii=False)
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return safetensors.numpy.save(whole, {"note": note})


def read(path: Path, file: BinaryIO) -> tuple[Parameters, dict[str, Any]] | None:
    """θ in float32 and the FACTS in an open file; None if it is no safetensors file with names that
    are known, or one of our own model files. Raises ModelFileError.
    """
    entries = _header(file)
    if entries is None or not all(map(is_name, entries.keys() - {"__metadata__"})):
        return None
    metadata = entries.pop("__metadata__", {})
    if not entries or not isinstance(metadata, dict) or "handstitch" in metadata:
        return None
    require_names(path, list(entries))
    size = os.fstat(file.fileno()).st_size
    memory.require(3 * size, f"{path.name}, {size:,} bytes", memory.OF_A_FILE)
    file.seek(0)
    try:
        kinds = {str(entry["dtype"]) for entry in entries.values()}
        if kinds - {"F32", "F64"}:
            raise unusable(path, f"tensors of {', '.join(sorted(kinds))}", "F32 or F64")
        note = msgspec.json.decode(metadata.get("note", "{}"), type=dict[str, Any])
        arrays = safetensors.numpy.load(file.read(size + 1))
    except (SafetensorError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise unsupported.damaged(path, str(error)) from error
    facts: dict[str, Any] = {name: note[name] for name in FACTS if name in note}
    return parameters_of(path, arrays), facts


def _header(file: BinaryIO) -> dict[str, Any] | None:
    """The header of a safetensors file; None if it can be none."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= _LIMIT:
        return None
    text = file.read(length)
    try:
        if count_values(text) > _VALUES_LIMIT:
            return None
        return msgspec.json.decode(text, type=dict[str, Any])
    except (ValueError, RecursionError):
        return None
