"""The models of a Trainer: its network of the best epoch and its present one."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from handstitch.arrays import Vector
from handstitch.core.parameters import Parameters
from handstitch.model.info import Model
from handstitch.records import EpochRecord, best_epoch
from handstitch.training import Trainer

_TIMED: Final = ("train_seconds", "seconds")


def best_model(trainer: Trainer) -> Model:
    """The network of the best epoch, with the history up to it."""
    best = best_epoch(trainer.state.history)
    return _model(trainer, trainer.state.best, trainer.state.history[: best.epoch if best else 0])


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
    values = msgspec.structs.asdict(record)
    return {name: value for name, value in values.items() if name not in _TIMED}
