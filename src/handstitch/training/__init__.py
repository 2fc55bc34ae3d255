"""Training: Trainer, its state, backend, learning-rate schedules, callbacks, diagnostics."""

from handstitch.training.callbacks import Callback, calling
from handstitch.training.diagnostics import Diagnostics
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
    "Callback",
    "Diagnostics",
    "State",
    "Trainer",
    "calling",
    "initial_digest",
    "initial_parameters",
    "start",
    "weights_digest",
]
