"""A network as an ONNX graph, for onnxruntime and its like.

    samples → scaling → layers → / temperature → softmax: probabilities → argmax: class

Nothing else is needed to use it: pixels go in as they are, and the names of the classes are in the
metadata. A first layer with local receptive fields is written with its zeros, for ONNX has no
operator that leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from handstitch import storage
from handstitch._version import __version__
from handstitch.arrays import Images, Matrix
from handstitch.errors import UsageError
from handstitch.export.activations import FORMULAS
from handstitch.export.layout import samples_in_words
from handstitch.model import Model

OPSET: Final = 17
IR_VERSION: Final = 8
"""With OPSET, of 2022: runtimes have learned to read both since."""
LARGEST: Final = 2**31 - 2**20
"""Bytes of weights; a file of 2 GiB cannot be read, as protobuf has it."""


class _Step(NamedTuple):
    """An operator, applied to the result of the step before and to constants."""

    operator: str
    constants: dict[str, Any]
    attributes: dict[str, Any]


def encode_onnx(model: Model, pixels: str = "uint8") -> bytes:
    """The bytes of the file; `pixels` of images are uint8 or float32, features are float32.

    Raises UsageError without the extra `onnx`, and for more weights than a file can hold.
    """
    onnx = _library()
    if model.parameters.vector.nbytes > LARGEST:
        raise UsageError(
            "the network is too large for an ONNX file",
            found=f"{model.parameters.vector.nbytes:,} bytes of weights",
            wanted=f"at most {LARGEST:,}",
            fix="export it to safetensors",
        )
    make, of_array = onnx.helper, onnx.numpy_helper.from_array
    nodes, constants, result = [], [], "samples"
    for number, step in enumerate(_steps(model)):
        constants += [of_array(np.float32(x), name) for name, x in step.constants.items()]
        inputs = [result, *step.constants]
        result = "probabilities" if step.operator == "Softmax" else f"step_{number}"
        nodes.append(make.make_node(step.operator, inputs, [result], **step.attributes))
    nodes.append(make.make_node("ArgMax", [result], ["class"], axis=1, keepdims=0))
    kind = pixels if model.has_images else "float32"
    shapes = [
        ("samples", kind, ("n", *model.image_shape)),
        (result, "float32", ("n", model.parameters.sizes[-1])),
        ("class", "int64", ("n",)),
    ]
    first, *rest = (
        make.make_tensor_value_info(name, make.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
        for name, dtype, shape in shapes
    )
    file = make.make_model(
        make.make_graph(nodes, "handstitch", [first], rest, constants),
        opset_imports=[make.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="Handstitch",
        producer_version=__version__,
    )
    metadata = {
        "class_names": msgspec.json.encode(model.class_names).decode(),
        "dataset": model.dataset,
        "samples": samples_in_words(model),
    }
    make.set_model_props(file, metadata)
    data: bytes = file.SerializeToString(deterministic=True)
    return data


def ask_onnx(path: Path, samples: Images) -> Matrix:
    """The probabilities of `samples` by the file `path`, as onnxruntime computes them; where it is
    not installed, onnx's own evaluator.
    """
    onnx = _library()
    data = storage.read_file(path, path.stat().st_size + 1)
    file = onnx.load_model_from_string(data)
    session: Any
    try:
        import onnxruntime
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        session = ReferenceEvaluator(file)
    else:
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    kind = file.graph.input[0].type.tensor_type.elem_type
    given = samples.astype(onnx.helper.tensor_dtype_to_np_dtype(kind))
    (P,) = session.run(["probabilities"], {"samples": given})
    probabilities: Matrix = P
    return probabilities


def _steps(model: Model) -> Iterator[_Step]:
    """From samples to probabilities."""
    offset, scale = model.scaling
    yield _Step("Cast", {}, {"to": 1})  # float32
    yield _Step("Flatten", {}, {"axis": 1})
    yield _Step("Sub", {"offset": offset}, {})
    yield _Step("Mul", {"scale": scale}, {})
    theta = model.parameters
    for layer, (W, b) in enumerate(zip(theta.weights, theta.biases, strict=True)):
        yield _Step("Gemm", {f"weights_{layer}": W, f"biases_{layer}": b}, {})
        if layer < len(model.activations):
            operator, attributes = FORMULAS[model.activations[layer]].onnx
            yield _Step(operator, {}, attributes)
    yield _Step("Div", {"temperature": model.temperature}, {})
    yield _Step("Softmax", {}, {"axis": 1})


def _library() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise UsageError(
            "onnx is not installed, which writes ONNX files",
            found=f"no module {error.name}",
            wanted="Handstitch with its extra `onnx`",
            fix="pip install 'handstitch[onnx]'",
        ) from error
    return onnx
