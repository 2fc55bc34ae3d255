"""Learning-rate range test: the loss while the rate grows from step to step.

The rate grows geometrically; the loss at first hardly falls, then falls, then rises as steps become
too long. A good rate lies where it falls fastest, well below the lowest loss (L. N. Smith,
arXiv:1506.01186; the exponential growth and the smoothing are those of fastai's `lr_find`).
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, sqrt
from typing import Final, NamedTuple

import numpy as np

from handstitch import machine
from handstitch.config import Config
from handstitch.config.schema import default_learning_rate
from handstitch.data.dataset import Dataset
from handstitch.training.backend import choose_backend
from handstitch.training.trainer import Trainer

STEPS: Final = (100, 400)
"""Fewest and most steps; between them, one epoch: a network that has learned the training images
by heart has no gradient left, and bears any rate."""
SPAN: Final = (1e-4, 1e3)
"""First and last rate, as multiples of the optimizer's default one."""
_WINDOW: Final = 1 / 20
"""Part of the steps that the running mean of the losses looks back on."""
_FALL: Final = 1.25
"""A loss of so many times the lowest has fallen; where half of that is lost, the test ends."""


class RangeTest(NamedTuple):
    """The rates tried, and what they did to the loss."""

    rates: list[float]
    losses: list[float]
    """Mean loss in nats at each step: the running mean, corrected for its start."""
    steepest: float
    """The rate at which the loss falls fastest, against the logarithm of the rate."""
    lowest: float
    """The rate at which the loss is lowest."""

    @property
    def suggestion(self) -> float:
        """A rate to begin with: the geometric mean of `steepest` and `lowest`, to two digits.

        On Fashion-MNIST it is within a factor of 2 of the rate chosen on validation images for
        five of the six update rules, and a seventh of it for rmsprop.
        """
        return float(f"{sqrt(self.steepest * self.lowest):.1e}")


def range_test(config: Config, dataset: Dataset, steps: int | None = None) -> RangeTest:
    """Train for at most `steps` steps with growing rates, and throw the network away.

    Left out, they are one epoch within STEPS. The schedule and the learning rate of `config` are
    not used. Raises ConfigError, MachineError.
    """
    trainer = Trainer(replace(config, schedule="constant"), dataset)
    config, batches, state = trainer.config, trainer.batches, trainer.state
    backend = choose_backend(config, state.network, state.optimizer, batches)
    steps = steps or min(max(len(batches), STEPS[0]), STEPS[1])
    decay = 1 - min(1.0, 1 / (_WINDOW * steps))
    default = default_learning_rate(config.to_dict())
    planned = np.geomspace(default * SPAN[0], default * SPAN[1], steps)
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    with machine.blas_threads(int(config.threads)), backend.threads(), np.errstate(all="ignore"):
        order = np.concatenate(
            [batches.epoch_order(config.seed, epoch) for epoch in range(-(-steps // len(batches)))]
        )
        for step, rate in enumerate(planned.tolist()):
            indices = batches.batch(order, step)
            loss, _, total = trainer.train_batch(backend, indices, step, rate)
            loss /= total
            if not isfinite(loss):
                break
            mean = decay * mean + (1 - decay) * loss
            rates.append(rate)
            losses.append(mean / (1 - decay ** (step + 1)))
            high, low = max(losses[: losses.index(min(losses)) + 1]), min(losses)
            has_risen = high > _FALL * low and losses[-1] > (high + low) / 2
            if has_risen or loss > trainer.largest_loss:
                break
    lowest = int(np.argmin(losses))
    # From step to step the loss falls by chance, too: so over a window.
    window = max(1, int(_WINDOW * steps))
    falls = np.subtract(losses[: max(0, lowest + 1 - window)], losses[window : lowest + 1])
    steepest = int(np.argmax(falls)) + window // 2 if falls.size else lowest
    return RangeTest(rates, losses, rates[steepest], rates[lowest])
