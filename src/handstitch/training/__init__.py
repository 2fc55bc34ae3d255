"""Training: loop, state, backend, learning-rate schedules and memory footprint."""

from handstitch.training.loop import TrainingData, fit, is_over, train
from handstitch.training.state import State, initial_digest, initial_parameters, start

__all__ = [
    "State",
    "TrainingData",
    "fit",
    "initial_digest",
    "initial_parameters",
    "is_over",
    "start",
    "train",
]
