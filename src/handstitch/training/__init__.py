"""Training: Trainer, its state, backend, learning-rate schedules and memory footprint."""

from handstitch.training.state import (
    State,
    initial_digest,
    initial_parameters,
    start,
    weights_digest,
)
from handstitch.training.trainer import AfterStep, Trainer

__all__ = [
    "AfterStep",
    "State",
    "Trainer",
    "initial_digest",
    "initial_parameters",
    "start",
    "weights_digest",
]
