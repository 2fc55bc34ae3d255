"""The optimizer: a rule, its slots, weight decay and gradient clipping."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from handstitch.arrays import blocks
from handstitch.core.network import Into
from handstitch.core.parameters import Parameters
from handstitch.core.update_rules import OPTIMIZERS, Coefficients, clipping


class Hyperparameters(NamedTuple):
    """The constants of an update rule, named as in Config."""

    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


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
        self.gradient = None if fused else parameters.zeros_like()
        """Where `backward` stores the gradient; None where it takes the whole step."""

    def into(self, learning_rate: float, scale: float) -> Into:
        """The target for `backward` of the gradient of the summed loss.

        `scale` is 1 for summed gradients, 1/n for their mean. For plain SGD the target is θ
        itself: backward then takes the whole step, L2 included, without storing a gradient.
        """
        if self.gradient is None:
            shrink = 1 - learning_rate * self.weight_decay
            shrink_biases = shrink if self.decay_biases else 1.0
            return Into(self.parameters, -learning_rate * scale, shrink, shrink_biases)
        return Into(self.gradient, scale, 0.0, 0.0)

    def prepare(self, learning_rate: float) -> Coefficients:
        """Count a step; its coefficients, for either backend."""
        self.steps += 1
        momentum, beta1, beta2, epsilon = self.constants
        return Coefficients(
            eta=learning_rate,
            eta_hat=learning_rate / (1 - beta1**self.steps),
            momentum=momentum,
            beta1=beta1,
            rest1=1 - beta1,
            beta2=beta2,
            rest2=1 - beta2,
            epsilon=epsilon,
            root=sqrt(1 - beta2**self.steps),
            decay=0.0 if self.decoupled else self.weight_decay,
            shrink=1 - learning_rate * self.weight_decay if self.decoupled else 1.0,
        )

    def step(self, learning_rate: float) -> None:
        """Finish the step that `backward` started: θ and the slots are updated."""
        h = self.prepare(learning_rate)
        if self.gradient is None:
            return
        theta, G = self.parameters.vector, self.gradient.vector
        if self.clip_norm:
            squares = sum(np.sum(np.square(G[part]), dtype=float) for part in blocks(G.size))
            G *= clipping(sqrt(squares), self.clip_norm)
        if self.weight_decay:
            for part in blocks(self.parameters.decayed(self.decay_biases).size):
                theta[part] *= h.shrink
                G[part] += h.decay * theta[part]
        vectors = [theta, *(slot.vector for slot in self.slots.values())]
        for part in blocks(G.size):
            old = [vector[part] for vector in vectors]
            for vector, new in zip(old, self._update(old[0], G[part], h, *old[1:]), strict=True):
                np.copyto(vector, new)
