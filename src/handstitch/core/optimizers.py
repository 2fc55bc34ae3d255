"""Update rules: each at most six lines of the textbook.

    rule(θ, G, h, *slots)     θ ← θ − η · (what the rule makes of G)

θ, G and the slots, a rule's memory from step to step, are vectors of one length and are changed in
place; h holds the learning rate η, the number t of the step and the constants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import sqrt
from typing import Final, NamedTuple

import numpy as np

from handstitch.arrays import Vector
from handstitch.core.network import Into
from handstitch.core.parameters import Parameters

BLOCK: Final = 32_768
"""Parameters updated at a time: few enough that intermediate results stay in cache."""


class Hyperparameters(NamedTuple):
    """Learning rate η and step number t of an update rule; its constants, named as in Config."""

    eta: float = 0.0
    t: int = 0
    """Counted from 1."""
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


def sgd(theta: Vector, G: Vector, h: Hyperparameters) -> None:
    """θ ← θ − η G."""
    theta -= h.eta * G


def momentum(theta: Vector, G: Vector, h: Hyperparameters, V: Vector) -> None:
    """V ← μ V + G,  θ ← θ − η V. Polyak, 1964."""
    V *= h.momentum
    V += G
    theta -= h.eta * V


def nesterov(theta: Vector, G: Vector, h: Hyperparameters, V: Vector) -> None:
    """V ← μ V + G,  θ ← θ − η (G + μ V). Sutskever et al., ICML 2013."""
    V *= h.momentum
    V += G
    theta -= h.eta * (G + h.momentum * V)


def rmsprop(theta: Vector, G: Vector, h: Hyperparameters, S: Vector) -> None:
    """S ← β₂ S + (1 − β₂) G²,  θ ← θ − η G / (√S + ε). Tieleman and Hinton, 2012."""
    S *= h.beta2
    S += (1 - h.beta2) * G**2
    theta -= h.eta * G / (np.sqrt(S) + h.epsilon)


def adam(theta: Vector, G: Vector, h: Hyperparameters, M: Vector, S: Vector) -> None:
    """M ← β₁ M + (1 − β₁) G,  S ← β₂ S + (1 − β₂) G²,  θ ← θ − η M̂ / (√Ŝ + ε).

    M̂ = M/(1 − β₁ᵗ) and Ŝ = S/(1 − β₂ᵗ) undo the start from zero. arXiv:1412.6980.
    """
    M *= h.beta1
    M += (1 - h.beta1) * G
    S *= h.beta2
    S += (1 - h.beta2) * G**2
    eta, root = h.eta / (1 - h.beta1**h.t), sqrt(1 - h.beta2**h.t)
    theta -= eta * M / (np.sqrt(S) / root + h.epsilon)


OPTIMIZERS: Final[dict[str, tuple[Callable[..., None], tuple[str, ...]]]] = {
    "sgd": (sgd, ()),
    "momentum": (momentum, ("velocity",)),
    "nesterov": (nesterov, ("velocity",)),
    "rmsprop": (rmsprop, ("square",)),
    "adam": (adam, ("mean", "square")),
    "adamw": (adam, ("mean", "square")),  # with decoupled decay: arXiv:1711.05101
}
"""Each rule and the names of its slots."""


class Optimizer:
    """Updates θ by one of OPTIMIZERS, with weight decay and gradient clipping.

    Weight decay λ adds λθ to the gradient (the derivative of (λ/2)‖θ‖²) or, decoupled, shrinks
    θ by 1 − ηλ beside the step; it acts on weights, and on biases if asked. `clip_norm` bounds
    the norm of the gradient before decay is added; 0 is no bound.
    """

    def __init__(
        self,
        parameters: Parameters,
        rule: str = "sgd",
        *,
        weight_decay: float = 0.0,
        decay_biases: bool = False,
        decoupled: bool = False,
        clip_norm: float = 0.0,
        constants: Hyperparameters = Hyperparameters(),  # noqa: B008 (immutable)
    ) -> None:
        self.parameters = parameters
        self.rule = rule
        self.weight_decay = weight_decay
        self.decay_biases = decay_biases
        self.decoupled = decoupled or rule == "adamw"
        self.clip_norm = clip_norm
        self.constants = constants
        self.steps = 0
        self._update, slots = OPTIMIZERS[rule]
        self.slots = {name: parameters.zeros_like() for name in slots}
        fused = rule == "sgd" and not clip_norm
        self._gradient = None if fused else parameters.zeros_like()

    def into(self, learning_rate: float, scale: float) -> Into:
        """The target for `backward` of the gradient of the summed loss.

        `scale` is 1 for summed gradients, 1/n for their mean. For plain SGD the target is θ
        itself: backward then takes the whole step, L2 included, without storing a gradient.
        """
        if self._gradient is None:
            shrink = 1 - learning_rate * self.weight_decay
            shrink_biases = shrink if self.decay_biases else 1.0
            return Into(self.parameters, -learning_rate * scale, shrink, shrink_biases)
        return Into(self._gradient, scale, 0.0, 0.0)

    def step(self, learning_rate: float) -> None:
        """Finish the step that `backward` started: θ and the slots are updated."""
        self.steps += 1
        if self._gradient is None:
            return
        theta, G, h = self.parameters.vector, self._gradient.vector, self.constants
        if self.clip_norm:
            squares = sum(np.sum(np.square(G[part]), dtype=float) for part in blocks(G.size))
            G *= min(1.0, self.clip_norm / max(sqrt(squares), h.epsilon))
        if self.weight_decay:
            for part in blocks(self.parameters.decayed(self.decay_biases).size):
                if self.decoupled:
                    theta[part] *= 1 - learning_rate * self.weight_decay
                else:
                    G[part] += self.weight_decay * theta[part]
        h = h._replace(eta=learning_rate, t=self.steps)
        for part in blocks(G.size):
            self._update(
                theta[part], G[part], h, *(slot.vector[part] for slot in self.slots.values())
            )


def blocks(size: int) -> Iterator[slice]:
    """Slices of at most BLOCK numbers that cover the first `size` numbers of a vector."""
    return (slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))
