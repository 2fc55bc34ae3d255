"""Divergence: the loss from which a training has no future, and the error that says so."""

from __future__ import annotations

from typing import Final

from handstitch.config import Config
from handstitch.config.schema import default_learning_rate
from handstitch.errors import Argument, DivergedError, Phrase

DIVERGENCE_FACTOR: Final = 1000
"""A mean loss above DIVERGENCE_FACTOR · ln(classes) is divergence. Guessing costs ln(classes), and
a network whose units have all died gives finite losses for ever."""


def divergence_error(config: Config, epoch: int, batch: int, loss: float) -> DivergedError:
    """The error for a loss that is too large or not a number, with a learning rate to try."""
    return DivergedError(
        "training diverged",
        found=f"a batch loss of {loss:.4g} in epoch {epoch}, batch {batch}, "
        f"at learning rate {config.learning_rate:g}",
        wanted="a finite loss (guessing gives about 2.3 with ten classes)",
        fix=Phrase(
            "try {} in a new run folder"
            + ("; the best weights so far are kept" if epoch > 1 else ""),
            lower_rate(config),
        ),
    )


def lower_rate(config: Config) -> Argument:
    """A tenth of the learning rate, or the default one where that is lower."""
    rate = min(config.learning_rate / 10, default_learning_rate(config.to_dict()))
    return Argument("learning_rate", float(f"{rate:.2g}"))
