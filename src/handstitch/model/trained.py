"""The models of a Trainer: its network of the best epoch, calibrated at the end, and its present
one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec import structs

from handstitch import machine
from handstitch.arrays import Vector
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data.batches import choose
from handstitch.errors import ModelFileError
from handstitch.evaluation import Evaluator, error_at, fit_temperature
from handstitch.model import outliers
from handstitch.model.info import Model
from handstitch.model.outliers import FEWEST, OutlierDetector
from handstitch.records import EpochRecord, best_epoch
from handstitch.training import Trainer

_MOST: Final = 10_000
"""Training images that a detector is fitted to: more make it no better."""
_TIMED: Final = ("train_seconds", "seconds")


def best_model(trainer: Trainer) -> Model:
    """The network of the best epoch, with the history up to it."""
    best = best_epoch(trainer.state.history)
    return _model(trainer, trainer.state.best, trainer.state.history[: best.epoch if best else 0])


class Calibrated(NamedTuple):
    """A model with a temperature, and the calibration errors on its validation images."""

    model: Model
    error: float = 0.0
    uncalibrated_error: float = 0.0
    """At temperature 1."""


def calibrated_model(trainer: Trainer) -> Calibrated:
    """The network of the best epoch with its temperature and, where possible, outlier detector.

    Both are of a finished training: they say how the weights that were kept take to images that
    they were not trained on. With fewer than FEWEST of those, temperature 1 and no detector.
    """
    model, labels = best_model(trainer), trainer.validation_labels
    if len(labels) < FEWEST:
        return Calibrated(model)
    network = Network(model.parameters, model.activations)
    some = np.linspace(0, len(trainer.batches.train_indices) - 1, _MOST).astype(np.intp)
    train = trainer.batches.train_indices[np.unique(some)]
    with machine.blas_threads(int(trainer.config.threads)), suppress(ModelFileError):  # overflow
        validation = Evaluator(network, trainer.validation_images, trainer.scaling)
        Z, detector = validation.empty_logits(), None
        if outliers.is_possible(trainer.sizes):
            training = Evaluator(network, choose(trainer.dataset.images, train), trainer.scaling)
            detector = OutlierDetector.fit(training, trainer.dataset.labels[train], validation, Z)
        if detector is None:
            Z = validation.logits()
        T = fit_temperature(Z, labels)
        model = structs.replace(model, temperature=T, outliers=detector)
        return Calibrated(model, error_at(Z, labels, T), error_at(Z, labels))
    return Calibrated(model)


def present_model(trainer: Trainer) -> Model:
    """The network as it is now, with the whole history."""
    return _model(trainer, trainer.state.network.parameters, trainer.state.history)


def _model(trainer: Trainer, parameters: Parameters, history: list[EpochRecord]) -> Model:
    return Model(
        parameters=parameters,
        receptive_fields=trainer.state.network.receptive_fields,
        activations=trainer.config.activations,
        offset=_plain(trainer.scaling.offset),
        scale=_plain(trainer.scaling.scale),
        class_names=trainer.dataset.class_names,
        image_shape=trainer.dataset.image_shape,
        dataset=trainer.dataset.name,
        config=trainer.config.to_dict(),
        history=tuple(_timeless(record) for record in history),
        versions=trainer.build,
        origin="handstitch",
        data_digest=trainer.dataset.digest,
        background=trainer.background,
        initial_digest=trainer.state.initial_digest,
        validation_digest=trainer.validation_digest,
        start_digest=trainer.start.digest if trainer.start else "",
    )


def _plain(constant: float | Vector) -> float | tuple[float, ...]:
    """A constant of the scaling as a model file has it; a float32 by its shortest decimal."""
    if isinstance(constant, float):
        return constant
    return tuple(float(str(number)) for number in constant)


def _timeless(record: EpochRecord) -> dict[str, Any]:
    """A record without its seconds, as model files have it."""
    values = structs.asdict(record)
    return {name: value for name, value in values.items() if name not in _TIMED}
