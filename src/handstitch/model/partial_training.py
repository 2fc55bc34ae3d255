"""Training by one pass after another, over samples that come in parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from msgspec import structs
from numpy.typing import NDArray

from handstitch.config import Config
from handstitch.data.dataset import Dataset
from handstitch.model.info import Model
from handstitch.model.trained import present_model
from handstitch.training import Trainer


class Moments(NamedTuple):
    """What an optimizer remembers between two passes."""

    slots: dict[str, NDArray[Any]]
    steps: int


def train(
    config: Config, data: Dataset, model: Model | None, moments: Moments | None
) -> tuple[Model, Moments]:
    """The model after one pass over `data`, from the weights of `model` and these moments.

    The learning rate is constant and nothing is held out. Each pass has a seed of its own, so that
    order and dropout are not those of the last.
    """
    history = model.history if model else ()
    config = replace(
        config,
        epochs=1,
        validation=0,
        patience=0,
        schedule="constant",
        warmup=0,
        seed=(config.seed + len(history)) % 2**63,
    )
    trainer = Trainer(config, data, start_from=model)
    optimizer = trainer.state.optimizer
    if moments and moments.slots.keys() == optimizer.slots.keys():  # not of another update rule
        for name, slot in optimizer.slots.items():
            slot.vector[:] = moments.slots[name]
        optimizer.steps = moments.steps
    trainer.fit()
    trainer.state.settle()
    slots = {name: slot.vector.copy() for name, slot in optimizer.slots.items()}
    trained = present_model(trainer)
    epoch = trained.history[0] | {"epoch": len(history) + 1}
    return structs.replace(trained, history=(*history, epoch)), Moments(slots, optimizer.steps)
