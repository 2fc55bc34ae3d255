"""The laboratory: one HTML page with a network, and its mathematics as a script to be read.

The page has one script, allowed by its SHA-256, and asks for nothing. Weights are in half
precision, those of a first layer with windows inside them alone; of a network with more than
MOST_HALVES they are whole numbers of 8 bits, times one scale for each unit.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from base64 import b64decode, b64encode
from importlib import resources
from pathlib import Path
from string import Template
from textwrap import dedent
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch._version import __version__
from handstitch.arrays import Images, Matrix
from handstitch.core import functions, optimizers, update_rules
from handstitch.core.blas import gemm
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters, count
from handstitch.data import sketch
from handstitch.data.scaling import Scaling
from handstitch.errors import ModelFileError
from handstitch.evaluation import Evaluator
from handstitch.export.layout import blocks_of, windows_of
from handstitch.figures.labels import texts
from handstitch.model import Model

MOST_HALVES: Final = 1_000_000
"""Weights that are written in half precision: 2.7 MB of the page."""
EXAMPLES: Final = 60
"""Drawn images to page through."""
SCRIPTS: Final = (
    *("core", "files", "drawing", "page", "ask", "inside"),
    *("diagram", "watch", "zip", "pupil", "teach"),
)
"""The script is these files, one after another."""
SHOWN: Final[dict[str, Any]] = {
    "gemm": gemm,
    "softmax": functions.softmax,
    "softmaxCrossEntropy": functions.softmax_cross_entropy,
    "Network.forward": Network.forward,
    "Network.loss": Network.loss,
    "Network.backward": Network.backward,
    "sgd": update_rules.sgd,
    "adam": update_rules.adam,
    "Optimizer.into": optimizers.Optimizer.into,
    "Optimizer.step": optimizers.Optimizer.step,
}
"""A function of the script, and its counterpart in core, whose text stands beside it."""
_DATA: Final = '<script type="application/json" id="network">'


def laboratory_page(model: Model) -> str:
    """The page. Raises ModelFileError for a network of features, which nobody can draw."""
    if not model.has_images:
        raise ModelFileError(
            "the laboratory is for networks of images",
            found=f"a network of {model.image_shape[0]:,} features",
            wanted="a network whose samples can be drawn",
            fix="choose another format",
        )
    style = _text("style.css")
    script = "\n".join(['"use strict";', *(_text(f"script/{name}.js") for name in SCRIPTS)])
    data = json.dumps(_contents(model), ensure_ascii=False, separators=(",", ":"))
    return Template(_text("page.html")).substitute(
        version=__version__,
        style=style,
        style_digest=_digest(style),
        data=_DATA + data.replace("<", "\\u003c"),
        script=script,
        script_digest=_digest(script),
    )


def ask_page(path: Path, samples: Images) -> Matrix:
    """The probabilities of `samples` by the weights in the page `path`."""
    data = read_data(storage.read_file(path, path.stat().st_size + 1).decode())
    network = Network(read_parameters(data), tuple(data["activations"]))
    evaluator = Evaluator(network, samples, Scaling(data["offset"], data["scale"]))
    return evaluator.probabilities(data["temperature"])


def read_data(page: str) -> dict[str, Any]:
    """What a page gives its script."""
    data: dict[str, Any] = json.loads(page.partition(_DATA)[2].partition("</script>")[0])
    return data


def read_parameters(data: dict[str, Any]) -> Parameters:
    """θ as the script of a page has it, rounded to float32."""
    theta = Parameters(tuple(data["sizes"]), np.zeros(count(data["sizes"]), np.float32))
    kind = "<f2" if data["precision"] == "float16" else "i1"
    for number, layer in enumerate(data["layers"]):
        W, flat = theta.weights[number], _decode(layer["weights"], kind)
        image, start = W.reshape(*data["image_shape"], -1) if number == 0 else W, 0
        for top, left, height, width, first, units in data["windows"] if number == 0 else ():
            part = image[top : top + height, left : left + width, ..., first : first + units]
            part[...] = flat[start : start + part.size].reshape(part.shape)
            start += part.size
        if not start:
            W[...] = flat.reshape(W.shape)
        if kind == "i1":
            W *= _decode(layer["scales"], "<f4")
        theta.biases[number][:] = _decode(layer["biases"], "<f4")
    return theta


def _contents(model: Model) -> dict[str, Any]:
    """What the script is given."""
    theta, windows = model.parameters, windows_of(model)
    is_half = sum(_inside(model, n).size for n in range(len(theta.weights))) <= MOST_HALVES
    data = {
        "sizes": theta.sizes,
        "activations": model.activations,
        "offset": model.offset,
        "scale": model.scale,
        "temperature": model.temperature,
        "class_names": model.class_names,
        "image_shape": model.image_shape,
        "background": model.background,
        "dataset": model.dataset,
        "windows": windows,
        "precision": "float16" if is_half else "int8",
        "layers": [_layer(model, n, is_half=is_half) for n in range(len(theta.weights))],
        "words": {lang: texts(f"{__name__}.languages", lang) for lang in ("en", "zh")},
        "python": {name: dedent(inspect.getsource(each)) for name, each in SHOWN.items()},
    }
    if model.image_shape == (28, 28):
        images, labels = sketch.draw(EXAMPLES, seed=2)
        data["examples"] = _encode(images, "u1")
        if tuple(model.class_names) == sketch.CLASS_NAMES:
            data["labels"] = labels.tolist()
    return data


def _layer(model: Model, number: int, *, is_half: bool) -> dict[str, str]:
    W, b = model.parameters.weights[number], model.parameters.biases[number]
    layer = {"biases": _encode(b, "<f4")}
    if is_half:
        return layer | {"weights": _encode(_inside(model, number), "<f2")}
    scales = np.abs(W).max(axis=0) / np.float32(127)
    scales[scales == 0] = 1
    whole = _inside(model, number, np.rint(W / scales))
    return layer | {"weights": _encode(whole, "i1"), "scales": _encode(scales, "<f4")}


def _inside(model: Model, number: int, W: Matrix | None = None) -> Matrix:
    """The numbers of a layer that are written, of its weights or of what is in their place."""
    W = model.parameters.weights[number] if W is None else W
    return np.concatenate([part.ravel() for part in (blocks_of(model, W) if number == 0 else [W])])


def _encode(array: NDArray[Any], kind: str) -> str:
    return b64encode(array.astype(kind).tobytes()).decode()


def _decode(text: str, kind: str) -> Matrix:
    return np.frombuffer(b64decode(text), kind).astype(np.float32)


def _digest(text: str) -> str:
    """As a Content-Security-Policy names a script or style."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text("utf-8")
