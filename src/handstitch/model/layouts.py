"""The names under which people keep a network's weights, read and written.

Beside the weights there may be what a prediction needs besides, as arrays of numbers or text:
`activations`, `offset`, `scale`, `class_names`, `image_shape` and the like (FACTS).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.arrays import aligned_zeros
from handstitch.core.parameters import Parameters, count
from handstitch.errors import ModelFileError
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
"""Fields of the model's metadata that a file may have."""


MEANING: Final = (
    "Written by Handstitch. x = (x - offset) * scale; x = activation(weights x + biases) layer by "
    "layer, the last without activation; probabilities = softmax(x / temperature)"
)
"""How the FACTS are applied, for a reader of the file."""


class NpzLayout(NamedTuple):
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
    "weights_0": NpzLayout("weights_{}", "bias_{}", ((0, 2), (0, 1), (1, 1)), has_rows=True),
    "W0": NpzLayout("W{}", "b{}", ((0, 1), (1, 1))),
    "coefs_0": NpzLayout("coefs_{}", "intercepts_{}", ((0, 1),)),
    "fc1.weight": NpzLayout("fc{}.weight", "fc{}.bias", ((1, 1), (0, 1)), is_transposed=True),
}
"""The first name → the layout: the course report's, the textbook's, scikit-learn's, PyTorch's."""


def is_name(name: str) -> bool:
    """Whether an array of this name holds weights or biases."""
    forms = (form for layout in LAYOUTS.values() for form in layout[:2])
    return any(_matches(form, name) for form in forms)


def layout_of(names: Collection[str]) -> tuple[NpzLayout, list[tuple[str, str]]]:
    """The layout of these arrays, and the names that a network of as many layers has in it."""
    counts = {key: sum(_matches(one.weights, n) for n in names) for key, one in LAYOUTS.items()}
    key = max(counts, key=counts.__getitem__)
    layout = LAYOUTS[key]
    found = [layout.names(counts[key], number) for number in range(len(layout.numberings))]
    whole = (pairs for pairs in found if {n for pair in pairs for n in pair} <= set(names))
    return layout, next(whole, found[0])


def encode_npz(model: Model, layout: str = "weights_0") -> bytes:
    """The bytes of an npz with the model in the layout of this first name, and all FACTS."""
    facts = {name: np.array(value) for name, value in known_facts(model).items()}
    return storage.npz_bytes(arrays_of(model, layout) | facts)


def arrays_of(model: Model, layout: str) -> dict[str, NDArray[Any]]:
    """The weights and biases of the model in the layout of this first name."""
    chosen, theta = LAYOUTS[layout], model.parameters
    arrays: dict[str, NDArray[Any]] = {}
    pairs = chosen.names(len(theta.weights))
    for (weights, biases), W, b in zip(pairs, theta.weights, theta.biases, strict=True):
        arrays[weights] = W.T if chosen.is_transposed else W
        arrays[biases] = b[None] if chosen.has_rows else b
    return arrays


def known_facts(model: Model) -> dict[str, Any]:
    """Those FACTS of the model that are not empty."""
    return {name: value for name in FACTS if (value := getattr(model, name)) not in {"", ()}}


def facts_of(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """The values of the FACTS among these arrays. Raises ValueError for other than plain ones."""
    for name, array in arrays.items():
        if array.dtype.kind not in "Ufiu" or array.ndim > 1:
            raise ValueError(f"{name}, an array {array.shape} of {array.dtype}")
    return {name: array.tolist() for name, array in arrays.items()}


def parameters_of(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Parameters:
    """θ in float32 of arrays with these names. Raises ModelFileError unless they are a chain of
    layers.
    """
    layout, names = layout_of(arrays)
    sizes = _sizes(path, arrays, layout, names)
    parameters = Parameters(sizes, aligned_zeros(count(sizes)))
    with np.errstate(over="ignore"):
        for layer, (weights, biases) in enumerate(names):
            W = arrays[weights]
            parameters.weights[layer][:] = W.T if layout.is_transposed else W
            parameters.biases[layer][:] = arrays[biases].reshape(-1)
    if not np.isfinite(parameters.vector).all():
        raise unusable(path, "numbers that are not finite in float32", "finite numbers")
    return parameters


def require_names(path: Path, names: Collection[str]) -> None:
    """Raise ModelFileError unless these are the names of all arrays of a network, and of FACTS."""
    given = set(names) - set(FACTS)
    layout, pairs = layout_of(given)
    wanted = {name for pair in pairs for name in pair}
    if not wanted or given != wanted or len(set(names)) != len(names):
        odd = sorted(wanted ^ given) or sorted(names)
        found = f"arrays missing or too many: {', '.join(odd[:3])}" + ", …" * (len(odd) > 3)
        raise unusable(path, found, f"{layout.example} and nothing else")


def unusable(path: Path, found: str, wanted: str | None = None) -> ModelFileError:
    """The error for arrays that are no weights."""
    return ModelFileError(
        "these are not weights in a layout that is known",
        file=path,
        found=found,
        wanted=wanted or "float arrays weights_0 (inputs, outputs), bias_0 (1, outputs), …",
        fix="save each layer's weights and biases with np.savez as float arrays of these names",
    )


def _sizes(
    path: Path, arrays: Mapping[str, NDArray[Any]], layout: NpzLayout, names: list[tuple[str, str]]
) -> tuple[int, ...]:
    """The layer sizes, if each layer has as many inputs as the one before has outputs."""
    for name, array in arrays.items():
        if array.dtype.str[1:] not in {"f8", "f4"}:
            raise unusable(path, f"{name}, an array of {array.dtype}", "float64 or float32")
    sizes: tuple[int, ...] = ()
    for weights, biases in names:
        shape, bias = arrays[weights].shape, arrays[biases].shape
        turned = shape[::-1] if layout.is_transposed else shape
        if len(shape) != 2 or 0 in shape or (sizes and turned[0] != sizes[-1]):
            inputs = sizes[-1] if sizes else "inputs"
            wanted = f"(outputs, {inputs})" if layout.is_transposed else f"({inputs}, outputs)"
            raise unusable(path, f"{weights} of shape {shape}", wanted)
        row = (1, turned[1])
        if bias not in ({row} if layout.has_rows else {row, row[1:]}):
            raise unusable(
                path, f"{biases} of shape {bias}", f"{row if layout.has_rows else row[1:]}"
            )
        sizes = (*(sizes or turned[:1]), turned[1])
    return sizes


def _matches(form: str, name: str) -> bool:
    return re.fullmatch(re.escape(form).replace(r"\{\}", r"\d+"), name) is not None
