"""Trainer: trains a network epoch by epoch; the training loop of the package.

Printing, plotting and saving are the caller's. Training can resume from a State alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from math import log
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np

from handstitch import machine
from handstitch.arrays import Images, Indices
from handstitch.config import Config
from handstitch.config.schema import default_learning_rate
from handstitch.core.parameters import Parameters
from handstitch.data import scaling, splits
from handstitch.data.augmentation import Augmentation, draw_mixing
from handstitch.data.batches import Batches, Subset, choose, is_memory_mapped
from handstitch.data.dataset import Dataset
from handstitch.data.samples import Background, background, shape_in_words
from handstitch.errors import Argument, DataError, DivergedError, Phrase, listed
from handstitch.machine import memory
from handstitch.randomness import Purpose, generator
from handstitch.records import EpochRecord, best_epoch
from handstitch.training import footprint, schedules
from handstitch.training.backend import (
    NumpyBackend,
    build_info,
    choose_backend,
    describe,
    resolve_auto,
)
from handstitch.training.state import State, start

if TYPE_CHECKING:
    from handstitch.compiled.step import NumbaBackend

DIVERGENCE_FACTOR: Final = 1000
"""A mean loss above DIVERGENCE_FACTOR · ln(classes) is divergence. Guessing costs ln(classes), and
a network whose units have all died gives finite losses for ever."""

AfterStep = Callable[[State], None]
"""Called with the state after every step."""


class Trainer:
    """Trains a network on a data set: an iterator of EpochRecords.

        for record in Trainer(Config(epochs=5), Dataset.from_arrays(images, labels)):
            print(record.epoch, record.val_accuracy)

    Part of the images is held out for validation, as `config.validation` says; where a data set of
    one's own is given as `validation`, none is, and it validates. A loop that is left can be
    entered again: training goes on with the next epoch. Raises ConfigError for a backend that is
    unavailable, DataError for a single class or another `validation`, MachineError where the
    network would not fit in memory.
    """

    def __init__(self, config: Config, dataset: Dataset, validation: Dataset | None = None) -> None:
        self.backend = describe(config)
        """The backend in words, with the reason where `auto` does not take numba."""
        self.config = resolve_auto(config, dataset.name)
        """With data set, threads and backend resolved from `auto`."""
        self.dataset = dataset
        self.sizes = (dataset.inputs, *config.hidden_sizes, len(dataset.class_names))
        """Units from the input to the output."""
        memory.require(
            footprint.bytes_needed(
                self.config,
                self.sizes,
                len(dataset),
                itemsize=dataset.images.itemsize,
                memory_mapped=is_memory_mapped(dataset.images),
            ),
            f"a network {'-'.join(map(str, self.sizes))}",
        )
        _require_classes(dataset, validation)
        if validation is not None:
            train_indices = np.arange(len(dataset))
            self.validation_images: Images | Subset = validation.images
            self.validation_labels = validation.labels
        else:
            train_indices, val_indices = splits.split(
                dataset.labels, config.validation, config.seed, config.stratified
            )
            self.validation_images = choose(dataset.images, val_indices)
            self.validation_labels = dataset.labels[val_indices]
        self.scaling = scaling.fit(config.scaling, dataset.images, train_indices)
        self.batches = Batches(
            dataset.images, dataset.labels, train_indices, self.scaling, config.batch_size
        )
        self.augmentation = Augmentation(
            dataset.images,
            train_indices,
            config.seed,
            shift=config.shift,
            flip=config.flip,
            erase=config.erase,
        )
        self.state = start(config, self.sizes)
        """Network, optimizer, best weights, position and history: all that training changes."""
        self.largest_loss = DIVERGENCE_FACTOR * log(self.sizes[-1])
        """In nats; a mean loss above it, or NaN, is divergence."""

    @cached_property
    def background(self) -> Background:
        """The background of the training images: what is predicted later is prepared alike."""
        return background(self.dataset.images)

    @cached_property
    def build(self) -> dict[str, str]:
        """Versions of libraries and backend: what decides the bits besides config and data."""
        return machine.build_info() | build_info(self.config)

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, or `config.patience` of them in a row were not the best."""
        history, patience = self.state.history, self.config.patience
        return self.state.epoch >= self.config.epochs or (
            0 < patience < len(history) and not any(r.is_best for r in history[-patience:])
        )

    def __iter__(self) -> Iterator[EpochRecord]:
        """Train on to the end; yields each epoch's record."""
        return self.epochs()

    def epochs(self, after_step: AfterStep | None = None) -> Iterator[EpochRecord]:
        """As iterating, with a call of `after_step` after every step.

        An exception that `after_step` raises ends the training between two steps, and it can be
        resumed. Raises DivergedError within one batch of divergence; `state.best` is untouched by
        that.
        """
        state, threads = self.state, int(self.config.threads)
        backend = choose_backend(self.config, state.network, state.optimizer, self.batches)
        while not self.is_over:
            with machine.blas_threads(threads), backend.threads():
                self._train_epoch(backend, after_step)
                record = self._end_epoch(backend)
            yield record

    def fit(self, after_step: AfterStep | None = None) -> list[EpochRecord]:
        """Train to the end; the records of all epochs."""
        for _ in self.epochs(after_step):
            pass
        return self.state.history

    def train_batch(
        self, backend: NumpyBackend | NumbaBackend, indices: Indices, step: int, rate: float
    ) -> tuple[float, int]:
        """One step on images `indices` (n,) at this rate: summed loss in nats, number correct.

        `step`, counted over the whole run, decides dropout and augmentation. Where the loss is
        above `largest_loss` · n, or NaN, nothing is updated.
        """
        n, config = len(indices), self.config
        has_dropout = any(self.state.network.dropout)
        rng = generator(config.seed, Purpose.DROPOUT, step) if has_dropout else None
        scale = 1 / n if config.reduction == "mean" else 1.0
        epoch = step // len(self.batches)
        variants = self.augmentation.draw(indices, epoch, step)
        limit = self.largest_loss * n
        mixing = draw_mixing(config.seed, config.mixup, step)
        return backend.train_batch(
            indices, rate, scale, limit, rng, variants=variants, mixing=mixing
        )

    # Overflow shows in the loss, which is checked batch by batch; NumPy's warnings would repeat it.
    @np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")
    def _train_epoch(
        self, backend: NumpyBackend | NumbaBackend, after_step: AfterStep | None
    ) -> None:
        """Train on the remaining batches of the current epoch."""
        state, config, batches = self.state, self.config, self.batches
        order = batches.epoch_order(config.seed, state.epoch)
        val_losses = [record.val_loss for record in state.history]
        while state.batch < len(batches):
            started = perf_counter()
            step = state.epoch * len(batches) + state.batch
            indices = batches.batch(order, state.batch)
            n = len(indices)
            rate = schedules.learning_rate(config, step, len(batches), val_losses)
            loss, correct = self.train_batch(backend, indices, step, rate)
            if not loss <= self.largest_loss * n:  # NaN, too
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
    def _end_epoch(self, backend: NumpyBackend | NumbaBackend) -> EpochRecord:
        """Validate, keep the weights if they are the best, and record the epoch."""
        started = perf_counter()
        state, config = self.state, self.config
        theta = state.network.parameters
        val_loss, val_accuracy = backend.validate(self.validation_images, self.validation_labels)
        if not (val_loss <= self.largest_loss and np.isfinite(theta.vector).all()):
            raise divergence_error(config, state.epoch + 1, state.batch, val_loss)

        best = best_epoch(state.history)
        is_best = best is None or (
            val_accuracy > best.val_accuracy
            if config.monitor == "accuracy"
            else val_loss < best.val_loss
        )
        if is_best:
            np.copyto(state.best.vector, theta.vector)

        last_step = (state.epoch + 1) * len(self.batches) - 1
        val_losses = [record.val_loss for record in state.history]
        record = EpochRecord(
            epoch=state.epoch + 1,
            train_loss=state.loss / state.samples,
            train_accuracy=state.correct / state.samples,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            l2_penalty=l2_penalty(theta, config),
            learning_rate=schedules.learning_rate(config, last_step, len(self.batches), val_losses),
            train_seconds=state.train_seconds,
            seconds=state.seconds + perf_counter() - started,
            is_best=is_best,
        )
        state.history.append(record)
        state.epoch += 1
        state.batch = state.correct = state.samples = 0
        state.loss = state.train_seconds = state.seconds = 0.0
        return record


def _require_classes(dataset: Dataset, validation: Dataset | None) -> None:
    """Raise DataError for a single class, or for validation samples of another kind."""
    if len(dataset.class_names) < 2:
        raise DataError(
            "there is nothing to tell apart",
            found=f"one class, {dataset.class_names[0]}",
            wanted="samples of two classes or more",
            fix="add samples of another class",
        )
    if validation is None:
        return
    if dataset.image_shape != validation.image_shape:
        found, wanted = (shape_in_words(one.image_shape) for one in (validation, dataset))
    elif dataset.class_names != validation.class_names:
        found, wanted = (f"classes {listed(one.class_names)}" for one in (validation, dataset))
    else:
        return
    raise DataError(
        "the validation samples are of another kind than those to train on",
        found=found,
        wanted=wanted,
        fix="give both the same shape, and Dataset.from_arrays the class_names of the data set to "
        "train on",
    )


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
