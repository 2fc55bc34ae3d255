"""Divergence: the loss from which a run is given up, and the error that says so."""

from __future__ import annotations

from math import log
from typing import Final

from handstitch.config import Config
from handstitch.config.schema import DEFAULT_LEARNING_RATES
from handstitch.errors import DivergedError

DIVERGENCE_FACTOR: Final = 1000
"""A mean loss above DIVERGENCE_FACTOR · ln(classes) is divergence. Guessing costs ln(classes), and
a network whose units have all died gives finite losses for ever."""


def largest_loss(classes: int) -> float:
    """The largest mean loss, in nats, of a run that has not diverged; NaN is not below it."""
    return DIVERGENCE_FACTOR * log(classes)


def divergence_error(config: Config, epoch: int, batch: int, loss: float) -> DivergedError:
    """The error for a loss that is too large or not a number, with a learning rate to try."""
    default_rate = DEFAULT_LEARNING_RATES[config.optimizer]
    if config.reduction == "sum" and config.optimizer in {"sgd", "momentum", "nesterov"}:
        default_rate /= config.batch_size
    proposed = min(config.learning_rate / 10, default_rate)
    return DivergedError(
        "training diverged",
        found=f"a batch loss of {loss:.4g} in epoch {epoch}, batch {batch}, "
        f"at learning rate {config.learning_rate:g}",
        wanted="a finite loss (guessing gives about 2.3 with ten classes)",
        fix=f"try --learning-rate {proposed:.2g} in a new run folder"
        + ("; the best weights so far are kept" if epoch > 1 else ""),
    )
