"""A trial: a pure function of its configuration and data.

It writes nothing and knows no study, so it can run in any process on any machine; its result is
returned to the scheduler. A trial that may be pruned runs in parts: each one resumes from the
checkpoint of the part before, to the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import msgspec
from numpy.typing import NDArray

from handstitch.config.schema import from_mapping
from handstitch.data import sources
from handstitch.data.dataset import Dataset
from handstitch.errors import Argument, DataError, DivergedError, MachineError, Phrase
from handstitch.model import model_bytes
from handstitch.model.trained import best_model, calibrated_model
from handstitch.records import Trial
from handstitch.training import AfterStep, Trainer, backend

Checkpoint = tuple[dict[str, NDArray[Any]], dict[str, Any]]
"""State of an unfinished trial, but for its history: see `training.State.restore`."""


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """A trial to be trained to the end of epoch `until`, or to its own end where that is None.

    `trial` is the record of what was trained so far. `config` has nothing left at `auto`;
    `data_digest` is that of the training part.
    """

    trial: Trial
    config: dict[str, Any]
    data_digest: str
    data_dir: str | None
    until: int | None
    checkpoint: Checkpoint | None = None


Outcome = tuple[Trial, bytes, Checkpoint | None]
"""(the trial, the model file of its best epoch, its state): of a trial, or of a part of it.

The file is empty if no epoch was finished; the state is None when the trial is over.
"""


def train(spec: TrialSpec, after_step: AfterStep | None = None) -> Outcome:
    """Train the trial of `spec`. Raises DataError if the images here have another digest.

    A trial that diverges, or whose network does not fit in memory, is returned as failed.
    """
    began = perf_counter()
    config = from_mapping(spec.config, "this trial")
    backend.resolve(config)
    dataset, validation = _dataset(config.dataset, spec)
    history, problem, best = spec.trial.history, "", b""
    checkpoint: Checkpoint | None = None
    trainer: Trainer | None = None
    try:
        trainer = Trainer(config, dataset, validation)
        if spec.checkpoint is not None:
            trainer.state.restore(*spec.checkpoint, history, trainer.batches)
        for record in trainer.epochs(after_step):
            if record.epoch == spec.until:
                break
        if not trainer.is_over:
            arrays = {name: vector.copy() for name, vector in trainer.state.arrays().items()}
            checkpoint = (arrays, trainer.state.position())
    except (MachineError, DivergedError) as error:
        problem = f"{error.problem}: {error.found}"
    if trainer is not None and trainer.state.history:
        history = trainer.state.history
        is_over = checkpoint is None and not problem
        best = model_bytes(calibrated_model(trainer).model if is_over else best_model(trainer))
    trial = msgspec.structs.replace(
        spec.trial,
        state="pruned" if checkpoint else "failed" if problem else "complete",
        history=history,
        val_images=len(trainer.validation_labels) if trainer else 0,
        seconds=spec.trial.seconds + perf_counter() - began,
        problem=problem,
    )
    return trial, best, checkpoint


_loaded: dict[str, tuple[Dataset, Dataset | None]] = {}
"""Training part and own validation part that the last trial in this process used, by digest."""


def cache_dataset(dataset: Dataset, validation: Dataset | None = None) -> None:
    """Keep the data set for the trials of this process."""
    _loaded.clear()
    _loaded[dataset.digest] = dataset, validation


def _dataset(name: str, spec: TrialSpec) -> tuple[Dataset, Dataset | None]:
    if spec.data_digest not in _loaded:
        source = sources.recorded(name, spec.data_digest, spec.data_dir)
        found = source.load("train")
        if found.digest != spec.data_digest:
            raise DataError(
                "a worker has other training images than the search was started with",
                file=found.location,
                found=f"{found.name}, SHA-256 {found.digest[:8]}…",
                wanted=f"SHA-256 {spec.data_digest[:8]}…",
                fix=Phrase(
                    "give every machine the same files; {} names their folder", Argument("data_dir")
                ),
            )
        cache_dataset(found, source.validation)
    return _loaded[spec.data_digest]
