"""The network in the package, trained on Fashion-MNIST: the best seed of the preset `best`, by
validation, in half precision and without the weights outside of its receptive fields.

`python bench/pack_weights.py RUN` writes the file from a run; the model card stands beside it.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import aligned_zeros
from handstitch.core.parameters import Parameters, count
from handstitch.model import safetensors_file
from handstitch.model.classifier import Classifier
from handstitch.model.info import Model, parse, to_metadata
from handstitch.model.outliers import OutlierDetector
from handstitch.receptive_fields import ReceptiveFields

NAME: Final = "fashion-mnist"
_FOLDER: Final = resources.files("handstitch.model") / "weights"
_FIELDS: Final = "receptive_fields"
_FIRST: Final = "layers.0.weight"


def pretrained() -> Classifier:
    """The network in the package: a classifier of garments in 28 × 28 grey images."""
    with resources.as_file(_FOLDER / f"{NAME}.safetensors") as path:
        return Classifier.of(unpack(path), "pretrained")


def pack(model: Model, path: Path) -> list[bytes | memoryview]:
    """The bytes of a model in half precision, for `storage.write`.

    Weights outside of the receptive fields are left out: what is left of the first layer is
    (weights,), unit by unit. The outlier detector stays in single precision.
    """
    theta, fields = model.parameters, model.receptive_fields
    arrays: dict[str, NDArray[Any]] = {}
    for layer, (W, b) in enumerate(zip(theta.weights, theta.biases, strict=True)):
        arrays[f"layers.{layer}.weight"] = W.astype(np.float16)
        arrays[f"layers.{layer}.bias"] = b.astype(np.float16)
    if fields:
        arrays[_FIRST] = arrays[_FIRST].T[fields.mask.T > 0]
        arrays[_FIELDS] = fields.rectangles
    if model.outliers:
        arrays |= model.outliers._asdict()
    return safetensors_file.encode(path, arrays, to_metadata(path, model))


def unpack(path: Path) -> Model:
    """The model in a file of `pack`; its weights are float32 again."""
    arrays, metadata = safetensors_file.read_tensors(path)
    found = parse(path, metadata)
    theta, fields = Parameters(found.sizes, aligned_zeros(count(found.sizes))), None
    if _FIELDS in arrays:
        fields = ReceptiveFields(arrays[_FIELDS], found.image_shape)
        theta.weights[0].T[fields.mask.T > 0] = arrays.pop(_FIRST)
    for layer, (W, b) in enumerate(zip(theta.weights, theta.biases, strict=True)):
        W[...] = arrays.get(f"layers.{layer}.weight", W)
        b[...] = arrays[f"layers.{layer}.bias"]
    detector = None
    if "means" in arrays:
        detector = OutlierDetector(*(arrays[name] for name in OutlierDetector._fields))
    return found.model(theta, fields, detector)
