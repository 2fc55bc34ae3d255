"""Training: the loop, its backend, the learning-rate schedules and the memory it needs."""

from handstitch.training.loop import (
    State,
    TrainingData,
    fit,
    initial_digest,
    initial_parameters,
    is_over,
    start,
    train,
)

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
