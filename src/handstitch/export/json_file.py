"""A network as one JSON object: its layers, and what a prediction needs besides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.arrays import Images, Matrix
from handstitch.core.activations import ACTIVATIONS
from handstitch.evaluation import probabilities
from handstitch.model import Model
from handstitch.model.layouts import MEANING, known_facts


def encode_json(model: Model) -> bytes:
    """{"meaning": …, "activations": …, "layers": [{"weights": (inputs, outputs), "biases": …}, …]}.

    A float32 is its shortest decimal.
    """
    theta = model.parameters
    layers = [
        {"weights": _decimals(W), "biases": _decimals(b)}
        for W, b in zip(theta.weights, theta.biases, strict=True)
    ]
    return msgspec.json.encode({"meaning": MEANING} | known_facts(model) | {"layers": layers})


def ask_json(path: Path, samples: Images) -> Matrix:
    """The probabilities of `samples` by the file `path`, as its `meaning` says."""
    found = msgspec.json.decode(storage.read_file(path, path.stat().st_size + 1))
    offset, scale = (np.array(found[name], np.float32) for name in ("offset", "scale"))
    A = (samples.reshape(len(samples), -1).astype(np.float32) - offset) * scale
    activations = [ACTIVATIONS[name][0] for name in found.get("activations", ())]
    for number, layer in enumerate(found["layers"]):
        W, b = (np.array(layer[name], np.float32) for name in ("weights", "biases"))
        A = A @ W + b
        if number < len(activations):
            A = activations[number](A)
    return probabilities(A, found["temperature"])


def _decimals(array: NDArray[Any]) -> list[Any]:
    texts = array.astype(str).astype(np.float64)
    decimals: list[Any] = texts.tolist()
    return decimals
