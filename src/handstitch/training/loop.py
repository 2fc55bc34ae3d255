"""The training loop: a generator that yields one EpochRecord per epoch.

Printing, plotting and saving are the caller's. A run can resume from its State alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np

from handstitch.config import Config
from handstitch.config.schema import default_learning_rate
from handstitch.core.parameters import Parameters
from handstitch.data import scaling, splits
from handstitch.data.batches import Batches
from handstitch.data.dataset import Dataset
from handstitch.errors import Argument, DivergedError, Phrase
from handstitch.randomness import Purpose, generator
from handstitch.records import EpochRecord, best_epoch
from handstitch.training import schedules
from handstitch.training.backend import NumpyBackend, choose_backend
from handstitch.training.state import State

if TYPE_CHECKING:
    from handstitch.compiled.step import NumbaBackend

DIVERGENCE_FACTOR: Final = 1000
"""A mean loss above DIVERGENCE_FACTOR · ln(classes) is divergence. Guessing costs ln(classes), and
a network whose units have all died gives finite losses for ever."""


class TrainingData:
    """A data set split into batches to train on and images to validate on, with its scaling."""

    def __init__(self, config: Config, dataset: Dataset) -> None:
        train_indices, val_indices = splits.split(
            dataset.labels, config.validation, config.seed, config.stratified
        )
        self.scaling = scaling.fit(config.scaling, dataset.images, train_indices)
        self.batches = Batches(
            dataset.images, dataset.labels, train_indices, self.scaling, config.batch_size
        )
        self.validation_images = dataset.images[val_indices]
        self.validation_labels = dataset.labels[val_indices]
        self.sizes = (dataset.inputs, *config.hidden_sizes, len(dataset.class_names))
        self.largest_loss = DIVERGENCE_FACTOR * log(self.sizes[-1])
        """In nats; a mean loss above it, or NaN, is divergence."""


def train(
    state: State,
    data: TrainingData,
    config: Config,
    after_step: Callable[[State], None] | None = None,
) -> Iterator[EpochRecord]:
    """Train on from `state`, changing it, and yield a record at the end of each epoch.

    `after_step` is called with the state after every step; an exception that it raises ends the
    run between two steps, and the state can be resumed from. Ends after `config.epochs`, or by
    early stopping. Raises DivergedError within one batch of divergence; `state.best` is untouched
    by that.
    """
    backend = choose_backend(config, state.network, state.optimizer, data.batches)
    while not is_over(state, config):
        with backend.threads():
            _train_epoch(state, data, config, backend, after_step)
            record = _end_epoch(state, data, config, backend)
        yield record


def fit(
    state: State,
    data: TrainingData,
    config: Config,
    after_step: Callable[[State], None] | None = None,
) -> list[EpochRecord]:
    """Train to the end, as `train` does; the records of all epochs."""
    for _ in train(state, data, config, after_step):
        pass
    return state.history


def is_over(state: State, config: Config) -> bool:
    """Whether all epochs are done, or `config.patience` of them in a row were not the best."""
    recent = state.history[-config.patience :] if config.patience else []
    return state.epoch >= config.epochs or (
        0 < config.patience < len(state.history) and not any(record.is_best for record in recent)
    )


# Overflow shows in the loss, which is checked batch by batch; NumPy's warnings would repeat it.
@np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")
def _train_epoch(
    state: State,
    data: TrainingData,
    config: Config,
    backend: NumpyBackend | NumbaBackend,
    after_step: Callable[[State], None] | None,
) -> None:
    """Train on the remaining batches of the current epoch."""
    batches = data.batches
    order = batches.epoch_order(config.seed, state.epoch)
    val_losses = [record.val_loss for record in state.history]
    has_dropout = any(state.network.dropout)
    while state.batch < len(batches):
        started = perf_counter()
        step = state.epoch * len(batches) + state.batch
        indices = batches.batch(order, state.batch)
        n = len(indices)
        rng = generator(config.seed, Purpose.DROPOUT, step) if has_dropout else None
        rate = schedules.learning_rate(config, step, len(batches), val_losses)
        scale = 1 / n if config.reduction == "mean" else 1.0
        limit = data.largest_loss * n
        loss, correct = backend.train_batch(indices, rate, scale, limit, rng)
        if not loss <= limit:  # NaN, too
            raise divergence_error(config, state.epoch + 1, state.batch + 1, loss / n)

        state.batch += 1
        state.loss += loss
        state.correct += correct
        state.samples += n
        state.train_seconds += perf_counter() - started
        if after_step is not None:
            after_step(state)
        state.seconds += perf_counter() - started


@np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")
def _end_epoch(
    state: State, data: TrainingData, config: Config, backend: NumpyBackend | NumbaBackend
) -> EpochRecord:
    """Validate, keep the weights if they are the best, and record the epoch."""
    started = perf_counter()
    theta = state.network.parameters
    val_loss, val_accuracy = backend.validate(data.validation_images, data.validation_labels)
    if not (val_loss <= data.largest_loss and np.isfinite(theta.vector).all()):
        raise divergence_error(config, state.epoch + 1, state.batch, val_loss)

    best = best_epoch(state.history)
    if best is None:
        is_best = True
    elif config.monitor == "accuracy":
        is_best = val_accuracy > best.val_accuracy
    else:
        is_best = val_loss < best.val_loss
    if is_best:
        np.copyto(state.best.vector, theta.vector)

    last_step = (state.epoch + 1) * len(data.batches) - 1
    val_losses = [record.val_loss for record in state.history]
    record = EpochRecord(
        epoch=state.epoch + 1,
        train_loss=state.loss / state.samples,
        train_accuracy=state.correct / state.samples,
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        l2_penalty=l2_penalty(theta, config),
        learning_rate=schedules.learning_rate(config, last_step, len(data.batches), val_losses),
        train_seconds=state.train_seconds,
        seconds=state.seconds + perf_counter() - started,
        is_best=is_best,
    )
    state.history.append(record)
    state.epoch += 1
    state.batch = state.correct = state.samples = 0
    state.loss = state.train_seconds = state.seconds = 0.0
    return record


def l2_penalty(theta: Parameters, config: Config) -> float:
    """(λ/2)·‖θ‖² over what decays, on the scale of the mean loss per sample.

    With summed gradients λ stands beside the sum over a batch, so it counts 1/batch_size here.
    """
    decayed = theta.decayed(config.decay_biases)
    squares = float(np.sum(np.square(decayed, dtype=np.float64))) if config.weight_decay else 0.0
    per_sample = 1 if config.reduction == "mean" else config.batch_size
    return config.weight_decay / 2 * squares / per_sample


def divergence_error(config: Config, epoch: int, batch: int, loss: float) -> DivergedError:
    """The error for a loss that is too large or not a number, with a learning rate to try."""
    proposed = min(config.learning_rate / 10, default_learning_rate(config.to_dict()))
    return DivergedError(
        "training diverged",
        found=f"a batch loss of {loss:.4g} in epoch {epoch}, batch {batch}, "
        f"at learning rate {config.learning_rate:g}",
        wanted="a finite loss (guessing gives about 2.3 with ten classes)",
        fix=Phrase(
            "try {} in a new run folder"
            + ("; the best weights so far are kept" if epoch > 1 else ""),
            Argument("learning_rate", float(f"{proposed:.2g}")),
        ),
    )
