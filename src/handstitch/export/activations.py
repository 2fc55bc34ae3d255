"""Activations in the languages that a network is written in; the formulas are those of `core`."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from handstitch.core.activations import LEAK


class Formula(NamedTuple):
    """a = f(z), of NumPy arrays Z, of one float z in C, and an operator of ONNX with attributes."""

    python: str
    c: str
    onnx: tuple[str, dict[str, Any]]


FORMULAS: Final = {
    "relu": Formula("np.maximum(Z, 0.0)", "z > 0.0f ? z : 0.0f", ("Relu", {})),
    "leaky_relu": Formula(
        f"np.maximum(Z, {LEAK} * Z)",
        f"z > 0.0f ? z : {LEAK}f * z",
        ("LeakyRelu", {"alpha": LEAK}),
    ),
    "elu": Formula(
        "np.maximum(Z, np.expm1(np.minimum(Z, 0.0)))",
        "z > 0.0f ? z : expm1f(z)",
        ("Elu", {"alpha": 1.0}),
    ),
    "sigmoid": Formula(
        "0.5 * (np.tanh(0.5 * Z) + 1.0)", "0.5f * (tanhf(0.5f * z) + 1.0f)", ("Sigmoid", {})
    ),
    "tanh": Formula("np.tanh(Z)", "tanhf(z)", ("Tanh", {})),
}
