"""Quick network: trained for a few epochs on some samples, and asked about others."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Final

from handstitch import machine
from handstitch.arrays import Images, Indices, Matrix
from handstitch.config import Config
from handstitch.data import decoded
from handstitch.data.batches import Subset
from handstitch.data.dataset import Dataset
from handstitch.evaluation import Evaluator
from handstitch.training import State, Trainer

_STEPS: Final = 1_000
"""The fewest steps that train it: small data sets have more epochs and smaller batches."""
_EPOCHS: Final = (8, 60)
_BATCH: Final = (16, 256)
_BATCHES: Final = 50
"""In an epoch, where the data set allows it."""

Report = Callable[[float], None]
"""Called with the fraction of the training that is done."""


def settings(samples: int, seed: int, like: Config) -> Config:
    """The recipe for so many samples, with the threads and the backend of `like`.

    It is written out, so that findings do not change with the defaults.
    """
    batch_size = min(max(samples // _BATCHES, _BATCH[0]), _BATCH[1])
    epochs = ceil(_STEPS * batch_size / samples)
    return Config(
        scaling="standard",
        hidden_sizes=(256, 128),
        activation=("relu",),
        dropout=0.2,
        optimizer="adam",
        learning_rate=0.0015,
        schedule="cosine",
        epochs=min(max(epochs, _EPOCHS[0]), _EPOCHS[1]),
        batch_size=batch_size,
        seed=seed,
        threads=like.threads,
        backend=like.backend,
    )


def train(
    data: Dataset, rows: Indices, held_out: Indices, config: Config, report: Report
) -> Trainer:
    """A Trainer that has trained on `rows` of the data to the end, both rows ascending.

    The network is that of the last epoch: none is selected by the held-out samples.
    """
    parts = [
        Dataset(
            data.name,
            part,
            decoded.take(data.images, chosen, data.digest),
            data.labels[chosen],
            data.class_names,
            data.location,
        )
        for part, chosen in (("train", rows), ("validation", held_out))
    ]
    trainer = Trainer(config, parts[0], parts[1])
    steps = trainer.config.epochs * len(trainer.batches)

    def after_step(state: State) -> None:
        report((state.epoch * len(trainer.batches) + state.batch) / steps)

    trainer.fit(after_step)
    return trainer


def probabilities(trainer: Trainer, images: Images | Subset) -> Matrix:
    """P (samples, classes) by the network of a trainer."""
    with machine.blas_threads(int(trainer.config.threads)):
        return Evaluator(trainer.state.network, images, trainer.scaling).probabilities()
