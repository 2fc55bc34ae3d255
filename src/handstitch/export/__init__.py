"""A trained network in files of other programs: what is written, and how it is asked again.

write(model, path, "python")     one Python file that needs NumPy only
write(model, path, "npz")        arrays under the names of other programs: layout="coefs_0"
write(model, path, "torch")      safetensors with weights (outputs, inputs), for torch.nn.Linear
write(model, path, "json")       one JSON object
write(model, path, "onnx")       an ONNX graph, by the extra `onnx`; pixels="float32"
write(model, path, "c")          one C99 header; "c_int8": its weights in whole numbers of 8 bits
write(model, path, "html")       the laboratory: one page with the network and its mathematics
agreement(model, ask, samples)   whether a file answers as its network does
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from handstitch import storage
from handstitch.arrays import Images, Matrix
from handstitch.export.agreement import Agreement, agreement, ask_c, ask_model, ask_python
from handstitch.export.c_header import c_header
from handstitch.export.json_file import ask_json, encode_json
from handstitch.export.laboratory import ask_page, laboratory_page
from handstitch.export.onnx_file import ask_onnx, encode_onnx
from handstitch.export.python_file import python_file
from handstitch.model import Model, layouts, torch_file

__all__ = ["FORMATS", "Agreement", "ExportFormat", "agreement", "write"]


class ExportFormat(NamedTuple):
    """A kind of file."""

    title: str
    encode: Callable[..., bytes]
    """Of the model, the path of the file and options."""
    ask: Callable[[Path, Images], Matrix | None]
    """The probabilities that a file of this kind gives; None where nothing here can run it."""


FORMATS: Final = {
    "python": ExportFormat(
        "Python file", lambda model, path: python_file(model).encode(), ask_python
    ),
    "c": ExportFormat(
        "C header, float32", lambda model, path: c_header(model, path).encode(), ask_c
    ),
    "c_int8": ExportFormat(
        "C header, int8", lambda model, path: c_header(model, path, int8=True).encode(), ask_c
    ),
    "npz": ExportFormat(
        "npz", lambda model, path, layout="weights_0": layouts.encode_npz(model, layout), ask_model
    ),
    "torch": ExportFormat(
        "safetensors in PyTorch's layout", lambda model, path: torch_file.encode(model), ask_model
    ),
    "json": ExportFormat("JSON", lambda model, path: encode_json(model), ask_json),
    "onnx": ExportFormat(
        "ONNX", lambda model, path, pixels="uint8": encode_onnx(model, pixels), ask_onnx
    ),
    "html": ExportFormat(
        "laboratory", lambda model, path: laboratory_page(model).encode(), ask_page
    ),
}


def write(model: Model, path: str | Path, kind: str, **options: str) -> int:
    """Write the network into a file of this kind, one of FORMATS; the bytes it has.

    An npz takes the `layout` of its arrays, one of `model.layouts.LAYOUTS`; ONNX the type of its
    `pixels`, uint8 or float32.

    An existing file is replaced once this one is whole. Raises MachineError; for ONNX, UsageError.
    """
    data = FORMATS[kind].encode(model, Path(path), **options)
    storage.write(path, data)
    return len(data)
