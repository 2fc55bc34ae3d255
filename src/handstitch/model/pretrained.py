"""The network in the package, trained on Fashion-MNIST: the best seed of the preset `best`, by
validation, in half precision and without the weights outside of its receptive fields.

`python bench/pack_weights.py RUN` writes the file from a run; the model card stands beside it.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np

from handstitch.model import safetensors_file
from handstitch.model.classifier import Classifier
from handstitch.model.files import arrays_of, from_arrays
from handstitch.model.info import Model, parse, to_metadata
from handstitch.receptive_fields import ReceptiveFields
from handstitch.training.state import FIELDS

NAME: Final = "fashion-mnist"
_FOLDER: Final = resources.files("handstitch.model") / "weights"
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
    arrays, fields = arrays_of(model), model.receptive_fields
    halves = {name: arrays[name].astype(np.float16) for name in arrays if _is_of_layer(name)}
    if fields:
        halves[_FIRST] = halves[_FIRST].T[fields.mask.T > 0]
    return safetensors_file.encode(path, arrays | halves, to_metadata(path, model))


def unpack(path: Path) -> Model:
    """The model in a file of `pack`; its weights are float32 again."""
    arrays, metadata = safetensors_file.read_tensors(path)
    found = parse(path, metadata)
    arrays |= {name: arrays[name].astype(np.float32) for name in arrays if _is_of_layer(name)}
    if FIELDS in arrays:
        is_inside = ReceptiveFields(arrays[FIELDS], found.image_shape).mask.T > 0
        W = np.zeros(is_inside.shape, np.float32)
        W[is_inside] = arrays[_FIRST]
        arrays[_FIRST] = W.T
    return from_arrays(path, found, arrays)


def _is_of_layer(name: str) -> bool:
    return name.startswith("layers.")
