"""Training: loop, state, backend, learning-rate schedules and memory footprint."""

from handstitch.training.data import TrainingData
from handstitch.training.loop import fit, is_over, train
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
