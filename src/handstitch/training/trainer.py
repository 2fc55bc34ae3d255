"""Trainer: trains a network epoch by epoch; the training loop of the package.

Printing, plotting and saving are the caller's. Training can resume from a State alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from math import log
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from handstitch import machine
from handstitch.arrays import Indices
from handstitch.config import Config
from handstitch.core.parameters import Parameters
from handstitch.data import scaling
from handstitch.data.augmentation import Augmentation, draw_mixing
from handstitch.data.batches import Batches, is_memory_mapped
from handstitch.data.dataset import Dataset
from handstitch.data.samples import Background, background
from handstitch.machine import memory
from handstitch.randomness import Purpose, generator
from handstitch.records import EpochRecord, best_epoch, validation_losses
from handstitch.training import footprint, schedules
from handstitch.training.backend import (
    NumpyBackend,
    build_info,
    choose_backend,
    describe,
    for_dataset,
    resolve_auto,
)
from handstitch.training.callbacks import Callback, calling
from handstitch.training.divergence import DIVERGENCE_FACTOR, divergence_error
from handstitch.training.sample_weights import class_weights, sample_weights
from handstitch.training.starting_model import Start, StartingModel, prepare, settings_of
from handstitch.training.state import State, draw_receptive_fields, start
from handstitch.training.validation import hold_out, is_better

if TYPE_CHECKING:
    from handstitch.compiled.step import NumbaBackend

AfterStep = Callable[[State], None]
"""Called with the state after every step; who reads θ there calls `state.settle` first."""


class Trainer:
    """Trains a network on a data set: an iterator of EpochRecords.

        for record in Trainer(Config(epochs=5), Dataset.from_arrays(images, labels)):
            print(record.epoch, record.val_accuracy)

    Part of the images is held out for validation, as `config.validation` says; where a data set of
    one's own is given as `validation`, none is, and it validates. Without any (0), the last epoch
    counts as the best. `start_from`, such as `handstitch.load(path).model`, is a network whose
    weights are the first ones, and whose scaling and receptive fields are kept (see
    `starting_model`). A loop that is left can be entered again: training goes on with the next
    epoch. Raises ConfigError for a backend that is unavailable, receptive fields that do not fit
    or another network than that of `start_from`, DataError for a single class or samples of
    another kind than those of `validation` or `start_from`, MachineError where the network would
    not fit in memory.
    """

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        validation: Dataset | None = None,
        start_from: StartingModel | None = None,
    ) -> None:
        if start_from and config.receptive_field == "auto":
            config = replace(config, receptive_field=settings_of(start_from)["receptive_field"])
        config = for_dataset(config, dataset)
        self.backend = describe(config)
        """The backend in words, with the reason where `auto` does not take numba."""
        self.config = resolve_auto(config)
        """With data set, threads and backend resolved from `auto`."""
        self.dataset = dataset
        self.sizes = (dataset.inputs, *config.hidden_sizes, len(dataset.class_names))
        """Units from the input to the output."""
        fields = (
            start_from.receptive_fields
            if start_from
            else draw_receptive_fields(self.config, dataset.image_shape)
        )
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
        train_indices, self.validation_images, self.validation_labels, self.validation_digest = (
            hold_out(config, dataset, validation)
        )
        parameters: Parameters | None = None
        self.start: Start | None = None
        """The model whose weights were the first ones; None where they were drawn."""
        if start_from is None:
            self.scaling = scaling.fit(config.scaling, dataset.images, train_indices)
        else:
            parameters, self.start = prepare(config, self.sizes, dataset, start_from)
            self.scaling = start_from.scaling
        self.batches = Batches(
            dataset.images,
            dataset.labels,
            train_indices,
            self.scaling,
            config.batch_size,
            weights=sample_weights(config, dataset, train_indices),
        )
        self.augmentation = Augmentation(
            dataset.images,
            train_indices,
            config.seed,
            shift=config.shift,
            flip=config.flip,
            erase=config.erase,
        )
        self.state = start(config, self.sizes, fields, parameters)
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
    def class_weights(self) -> dict[str, float]:
        """The weight of each class in the training loss; empty where each is 1."""
        if not self.config.class_weight:
            return {}
        labels = self.dataset.labels[self.batches.train_indices]
        found = class_weights(self.config, self.dataset, labels)
        return dict(zip(self.dataset.class_names, found.tolist(), strict=True))

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
        state.settle = backend.store
        while not self.is_over:
            with machine.blas_threads(threads), backend.threads():
                self._train_epoch(backend, after_step)
                record = self._end_epoch(backend)
            yield record

    def fit(
        self, after_step: AfterStep | None = None, callbacks: Sequence[Callback] = ()
    ) -> list[EpochRecord]:
        """Train to the end; the records of all epochs."""
        with calling(callbacks, self) as on_epoch:
            for record in self.epochs(after_step):
                on_epoch(record)
        return self.state.history

    def train_batch(
        self, backend: NumpyBackend | NumbaBackend, indices: Indices, step: int, rate: float
    ) -> tuple[float, int, float]:
        """One step on images `indices` (n,) at this rate: summed loss in nats, number correct, and
        what a mean divides by.

        `step`, counted over the whole run, decides dropout and augmentation. Where the loss is
        above `largest_loss` for each sample, or NaN, nothing is updated.
        """
        total, config = self.batches.total_weight(indices), self.config
        has_dropout = any(self.state.network.dropout)
        rng = generator(config.seed, Purpose.DROPOUT, step) if has_dropout else None
        scale = 1 / total if config.reduction == "mean" else 1.0
        variants = self.augmentation.draw(indices, step // len(self.batches), step)
        limit = self.largest_loss * total
        mixing = draw_mixing(config.seed, config.mixup, step)
        loss, correct = backend.train_batch(
            indices, rate, scale, limit, rng, variants=variants, mixing=mixing
        )
        return loss, correct, total

    # Overflow shows in the loss, which is checked batch by batch; NumPy's warnings would repeat it.
    @np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")
    def _train_epoch(
        self, backend: NumpyBackend | NumbaBackend, after_step: AfterStep | None
    ) -> None:
        """Train on the remaining batches of the current epoch."""
        state, config, batches = self.state, self.config, self.batches
        order = batches.epoch_order(config.seed, state.epoch)
        val_losses = validation_losses(state.history)
        while state.batch < len(batches):
            started = perf_counter()
            step = state.epoch * len(batches) + state.batch
            indices = batches.batch(order, state.batch)
            rate = schedules.learning_rate(config, step, len(batches), val_losses)
            loss, correct, total = self.train_batch(backend, indices, step, rate)
            if not loss <= self.largest_loss * total:  # NaN, too
                raise divergence_error(config, state.epoch + 1, state.batch + 1, loss / total)

            state.batch += 1
            state.loss += loss
            state.correct += correct
            state.samples += len(indices)
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
        val_loss, val_accuracy = None, None
        if len(labels := self.validation_labels):
            val_loss, val_accuracy = backend.validate(self.validation_images, labels)
        loss = state.loss / state.samples if val_loss is None else val_loss
        if not (loss <= self.largest_loss and np.isfinite(theta.vector).all()):
            raise divergence_error(config, state.epoch + 1, state.batch, loss)

        is_best = is_better(config, val_loss, val_accuracy, best_epoch(state.history))
        if is_best:
            np.copyto(state.best.vector, theta.vector)

        last_step = (state.epoch + 1) * len(self.batches) - 1
        val_losses = validation_losses(state.history)
        record = EpochRecord(
            epoch=state.epoch + 1,
            train_loss=state.loss / state.samples / self.batches.mean_weight,
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


def l2_penalty(theta: Parameters, config: Config) -> float:
    """(λ/2)·‖θ‖² over what decays, on the scale of the mean loss per sample.

    With summed gradients λ stands beside the sum over a batch, so it counts 1/batch_size here.
    """
    decayed = theta.decayed(config.decay_biases)
    squares = float(np.sum(np.square(decayed, dtype=np.float64))) if config.weight_decay else 0.0
    per_sample = 1 if config.reduction == "mean" else config.batch_size
    return config.weight_decay / 2 * squares / per_sample
