"""The names under which people keep a network's weights in an npz file, read and written.

Beside the weights there may be what a prediction needs besides, as arrays of numbers or text:
`activations`, `offset`, `scale`, `class_names`, `image_shape` and the like (FACTS).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.model.info import Model

FACTS: Final = (
    "activations",
    "offset",
    "scale",
    "class_names",
    "image_shape",
    "dataset",
    "background",
    "labels",
    "temperature",
)
"""Fields of the model's metadata that an npz may have."""


class Layout(NamedTuple):
    """Names and shapes of the arrays of a layer."""

    weights: str
    biases: str
    numberings: tuple[tuple[int, int], ...]
    """(first, step) of the layers' numbers; the first pair is written."""
    is_transposed: bool = False
    """Weights are (outputs, inputs)."""
    has_rows: bool = False
    """Biases are (1, outputs), and not (outputs,)."""

    def names(self, layers: int, numbering: int = 0) -> list[tuple[str, str]]:
        """The names of weights and biases of each layer."""
        first, step = self.numberings[numbering]
        numbers = range(first, first + layers * step, step)
        return [(self.weights.format(n), self.biases.format(n)) for n in numbers]

    @property
    def example(self) -> str:
        """Its first names, in words."""
        return ", ".join([*(name for pair in self.names(2) for name in pair), "…"])


LAYOUTS: Final = {
    "weights_0": Layout("weights_{}", "bias_{}", ((0, 2), (0, 1), (1, 1)), has_rows=True),
    "W0": Layout("W{}", "b{}", ((0, 1), (1, 1))),
    "coefs_0": Layout("coefs_{}", "intercepts_{}", ((0, 1),)),
    "fc1.weight": Layout("fc{}.weight", "fc{}.bias", ((1, 1), (0, 1)), is_transposed=True),
}
"""The first name → the layout: the course report's, the textbook's, scikit-learn's, PyTorch's."""


def is_name(name: str) -> bool:
    """Whether an array of this name holds weights or biases."""
    forms = (form for layout in LAYOUTS.values() for form in layout[:2])
    return any(_matches(form, name) for form in forms)


def layout_of(names: Collection[str]) -> tuple[Layout, list[tuple[str, str]]]:
    """The layout of these arrays, and the names that a network of as many layers has in it."""
    counts = {key: sum(_matches(one.weights, n) for n in names) for key, one in LAYOUTS.items()}
    key = max(counts, key=counts.__getitem__)
    layout = LAYOUTS[key]
    found = [layout.names(counts[key], number) for number in range(len(layout.numberings))]
    whole = (pairs for pairs in found if {n for pair in pairs for n in pair} <= set(names))
    return layout, next(whole, found[0])


def encode(model: Model, layout: str = "weights_0") -> bytes:
    """The bytes of an npz with the model in the layout of this first name, and all FACTS."""
    chosen, theta = LAYOUTS[layout], model.parameters
    arrays: dict[str, NDArray[Any]] = {}
    pairs = chosen.names(len(theta.weights))
    for (weights, biases), W, b in zip(pairs, theta.weights, theta.biases, strict=True):
        arrays[weights] = W.T if chosen.is_transposed else W
        arrays[biases] = b[None] if chosen.has_rows else b
    facts = {name: value for name in FACTS if (value := getattr(model, name)) not in {"", ()}}
    return storage.npz_bytes(arrays | {name: np.array(value) for name, value in facts.items()})


def facts_of(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """The values of the FACTS among these arrays. Raises ValueError for other than plain ones."""
    for name, array in arrays.items():
        if array.dtype.kind not in "Ufiu" or array.ndim > 1:
            raise ValueError(f"{name}, an array {array.shape} of {array.dtype}")
    return {name: array.tolist() for name, array in arrays.items()}


def _matches(form: str, name: str) -> bool:
    return re.fullmatch(re.escape(form).replace(r"\{\}", r"\d+"), name) is not None
