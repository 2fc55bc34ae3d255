"""A network as one Python file that needs NumPy only."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from handstitch.export.activations import FORMULAS
from handstitch.export.layout import blocks_of, samples_in_words, windows_of
from handstitch.model import Model

_FILE: Final = '''"""A trained classifier in one file; it needs NumPy only. Written by Handstitch.

    python THIS_FILE samples.npy      # the class of each sample, and its probability

    from THIS_FILE import predict, predict_proba
"""

import sys
from base64 import b64decode

import numpy as np

DATASET = {dataset}
CLASS_NAMES = {class_names}
SHAPE = {shape}  # of one sample: {meaning}


def numbers(text, *shape):
    return np.frombuffer(b64decode(text), "<f4").reshape(shape)


def predict_proba(samples):
    """P (n, classes): the probability of each class, of samples (n, *SHAPE)."""
    samples = checked(samples)
    X = (samples.reshape(len(samples), -1).astype(np.float32) - OFFSET) * SCALE
{layers}    Z = Z / np.float32({temperature!r})
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    return P / P.sum(axis=1, keepdims=True)


def predict(samples):
    """The name of the most probable class of each sample."""
    return [CLASS_NAMES[k] for k in predict_proba(samples).argmax(axis=1)]


def checked(samples):
    samples = np.asarray(samples)
    if samples.shape[1:] != SHAPE:
        raise ValueError(f"expected samples of shape (n, *{{SHAPE}}), not {{samples.shape}}")
    if not {sound}:
        raise ValueError("expected {wanted}")
    return samples


OFFSET = {offset}
SCALE = {scale}
{weights}

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {{sys.argv[0]}} samples.npy")
    samples = np.load(sys.argv[1], allow_pickle=False)
    if samples.shape == SHAPE:
        samples = samples[None]
    try:
        P = predict_proba(samples)
    except ValueError as error:
        sys.exit(f"{{sys.argv[1]}}: {{error}}")
    for p in P:
        print(f"{{CLASS_NAMES[p.argmax()]}}  {{p.max():.4f}}")
'''
_WINDOWS: Final = """    X = X.reshape(samples.shape)
    Z = np.empty((len(X), len(BIASES[0])), np.float32)
    for (top, left, height, width, first, units), W in zip(WINDOWS, WINDOW_WEIGHTS):
        seen = X[:, top : top + height, left : left + width].reshape(len(X), -1)
        Z[:, first : first + units] = seen @ W
    Z += BIASES[0]
"""
_LINE: Final = 96


def python_file(model: Model) -> str:
    """The text of a file with the network, its preprocessing and the names of its classes."""
    theta, windows = model.parameters, windows_of(model)
    dense = "    Z = X @ WEIGHTS[0] + BIASES[0]\n"
    layers = _WINDOWS if windows else dense
    for layer, activation in enumerate(model.activations, 1):
        layers += f"    Z = {FORMULAS[activation].python}\n"
        layers += f"    Z = Z @ WEIGHTS[{layer}] + BIASES[{layer}]\n"
    weights = _several("BIASES", theta.biases)
    if windows:
        rows = "".join(f"    {tuple(window)},\n" for window in windows)
        weights += f"# (top, left, height, width, first unit, units)\nWINDOWS = (\n{rows})\n"
        weights += _several("WINDOW_WEIGHTS", blocks_of(model, theta.weights[0]))
    weights += _several("WEIGHTS", [None if windows else theta.weights[0], *theta.weights[1:]])
    pixels = "((samples >= 0) & (samples <= 255) & (samples == np.floor(samples))).all()"
    return _FILE.format(
        dataset=ascii(model.dataset),
        class_names=ascii(model.class_names),
        shape=model.image_shape,
        meaning=samples_in_words(model),
        layers=layers,
        temperature=model.temperature,
        sound=pixels if model.has_images else "np.isfinite(samples).all()",
        wanted="pixels, whole numbers from 0 to 255" if model.has_images else "finite numbers",
        offset=_constant(model.offset),
        scale=_constant(model.scale),
        weights=weights.rstrip(),
    )


def _constant(constant: float | tuple[float, ...]) -> str:
    is_number = isinstance(constant, float)
    return repr(constant) if is_number else _array(np.array(constant, np.float32))


def _several(name: str, arrays: Iterable[NDArray[Any] | None]) -> str:
    """An assignment of a list of arrays."""
    lines = (f"{None if array is None else _array(array)},\n" for array in arrays)
    return f"{name} = [\n{''.join(lines)}]\n"


def _array(array: NDArray[Any]) -> str:
    """A call of `numbers` that gives the array back, bit for bit."""
    text = b64encode(array.astype("<f4").tobytes()).decode()
    lines = "\n".join(text[start : start + _LINE] for start in range(0, len(text), _LINE))
    return f'numbers("""\n{lines}\n""", {", ".join(map(str, array.shape))})'
