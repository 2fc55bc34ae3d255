"""Update rules: each two or three lines of the textbook.

    θ, *slots ← rule(θ, G, h, *slots)

θ, the gradient G and the slots, a rule's memory from step to step, are numbers, or arrays of one
shape. NumPy applies a rule to blocks of θ, and the numba backend compiles the same text for one
float32 at a time: an edit here trains in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np


class Coefficients(NamedTuple):
    """What step t, counted from 1, needs besides θ, G and slots; computed in float64.

    eta_hat    η / (1 − β₁ᵗ)
    rest1      1 − β₁
    rest2      1 − β₂
    root       √(1 − β₂ᵗ)
    decay      λ, which adds λθ to G; 0 where decay is decoupled
    shrink     1 − ηλ, the factor of θ where decay is decoupled; otherwise 1
    """

    eta: float
    eta_hat: float
    momentum: float
    beta1: float
    rest1: float
    beta2: float
    rest2: float
    epsilon: float
    root: float
    decay: float
    shrink: float


def sgd(theta: Any, G: Any, h: Coefficients) -> tuple[Any, ...]:
    """θ ← θ − η G."""
    return (theta - h.eta * G,)


def momentum(theta: Any, G: Any, h: Coefficients, V: Any) -> tuple[Any, ...]:
    """V ← μ V + G,  θ ← θ − η V. Polyak, 1964."""
    V = h.momentum * V + G
    return theta - h.eta * V, V


def nesterov(theta: Any, G: Any, h: Coefficients, V: Any) -> tuple[Any, ...]:
    """V ← μ V + G,  θ ← θ − η (G + μ V). Sutskever et al., ICML 2013."""
    V = h.momentum * V + G
    return theta - h.eta * (G + h.momentum * V), V


def rmsprop(theta: Any, G: Any, h: Coefficients, S: Any) -> tuple[Any, ...]:
    """S ← β₂ S + (1 − β₂) G²,  θ ← θ − η G / (√S + ε). Tieleman and Hinton, 2012."""
    S = h.beta2 * S + h.rest2 * G**2
    return theta - h.eta * G / (np.sqrt(S) + h.epsilon), S


def adam(theta: Any, G: Any, h: Coefficients, M: Any, S: Any) -> tuple[Any, ...]:
    """M ← β₁ M + (1 − β₁) G,  S ← β₂ S + (1 − β₂) G²,  θ ← θ − η M̂ / (√Ŝ + ε).

    M̂ = M/(1 − β₁ᵗ) and Ŝ = S/(1 − β₂ᵗ) undo the start from zero. arXiv:1412.6980.
    """
    M = h.beta1 * M + h.rest1 * G
    S = h.beta2 * S + h.rest2 * G**2
    return theta - h.eta_hat * M / (np.sqrt(S) / h.root + h.epsilon), M, S


OPTIMIZERS: Final[dict[str, tuple[Callable[..., Any], tuple[str, ...]]]] = {
    "sgd": (sgd, ()),
    "momentum": (momentum, ("velocity",)),
    "nesterov": (nesterov, ("velocity",)),
    "rmsprop": (rmsprop, ("square",)),
    "adam": (adam, ("mean", "square")),
    "adamw": (adam, ("mean", "square")),  # with decoupled decay: arXiv:1711.05101
}
"""Each rule and the names of its slots."""


def clipping(norm: float, longest: float) -> float:
    """min(1, longest / ‖G‖), the factor that clips a gradient of this norm."""
    return longest / norm if norm > longest else 1.0
