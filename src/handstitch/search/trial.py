"""One trial: a pure function of a configuration and of where its data are.

It writes nothing and knows no study, so it may run in any process on any machine; what it found
goes back to whoever asked. A trial that may be ended early runs in parts: each takes up the
position in which the one before stopped, to the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from handstitch import machine, training
from handstitch.config.schema import from_mapping
from handstitch.data import loading
from handstitch.data.dataset import Dataset
from handstitch.errors import DataError, DivergedError, MachineError
from handstitch.machine import memory
from handstitch.model import model_bytes
from handstitch.records import Trial
from handstitch.runs.snapshot import Snapshot
from handstitch.training import backend as steps
from handstitch.training import footprint


class Position(NamedTuple):
    """Where a trial stopped, beside its history: θ, the best weights, the optimizer's slots."""

    vectors: dict[str, NDArray[Any]]
    steps: int


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """What there is to train: a trial, to the end of epoch `until`; None: to its end.

    The trial is as it would be kept if it were ended now. `config` leaves nothing at `auto`;
    `data_digest` is that of the training part.
    """

    trial: Trial
    config: dict[str, Any]
    data_digest: str
    data_dir: str | None
    until: int | None
    position: Position | None = None


class Outcome(NamedTuple):
    """What came out of a trial, or of a part of one: `position` is None if the trial is over.

    `best` is the model file of the best epoch; empty if no epoch was finished.
    """

    trial: Trial
    best: bytes
    position: Position | None


def train(task: TrialSpec, after_step: Callable[[training.State], None] | None = None) -> Outcome:
    """Train as `task` says. Raises DataError if the images here are others than its digest's.

    A trial that diverges, or whose network does not fit in memory, has a problem, and is no error.
    """
    began = perf_counter()
    config = from_mapping(task.config, "this trial")
    steps.resolve(config)
    dataset = _dataset(config.dataset, task)
    history, problem, best = list(task.trial.history), "", b""
    position: Position | None = None
    state: training.State | None = None
    with machine.blas_threads(int(config.threads)):
        learning = training.TrainingData(config, dataset)
        try:
            memory.require(
                footprint.bytes_needed(config, learning.sizes, len(dataset)),
                f"a network {'-'.join(map(str, learning.sizes))}",
            )
            state = training.start(config, learning.sizes)
            state.history, state.epoch = history, len(history)
            if task.position is not None:
                state.optimizer.steps = task.position.steps
                for name, vector in _vectors(state).items():
                    np.copyto(vector, task.position.vectors[name])
            for record in training.train(state, learning, config, after_step):
                if record.epoch == task.until:
                    break
            if not training.is_over(state, config):
                vectors = {name: vector.copy() for name, vector in _vectors(state).items()}
                position = Position(vectors, state.optimizer.steps)
        except (MachineError, DivergedError) as error:
            problem = f"{error.problem}: {error.facts['found']}"
        if state is not None and history:
            build = machine.build_info() | steps.build_info(config)
            model = Snapshot(state, learning, config, dataset, build).best_model()
            best = model_bytes(model)
    trial = msgspec.structs.replace(
        task.trial,
        state="pruned" if position else "failed" if problem else "complete",
        history=history,
        val_images=len(learning.validation_labels),
        seconds=task.trial.seconds + perf_counter() - began,
        problem=problem,
    )
    return Outcome(trial, best, position)


_loaded: dict[str, Dataset] = {}
"""The last data set that a trial in this process used, by digest."""


def hold(dataset: Dataset) -> None:
    """Have the data set at hand for the trials of this process."""
    _loaded.clear()
    _loaded[dataset.digest] = dataset


def _dataset(name: str, task: TrialSpec) -> Dataset:
    if task.data_digest not in _loaded:
        found = loading.load(name, "train", task.data_dir)
        if found.digest != task.data_digest:
            raise DataError(
                "a worker has other training images than the search began with",
                file=found.location,
                found=f"{found.name}, SHA-256 {found.digest[:8]}…",
                wanted=f"SHA-256 {task.data_digest[:8]}…",
                fix="give every machine the same files; where they are says --data-dir",
            )
        hold(found)
    return _loaded[task.data_digest]


def _vectors(state: training.State) -> dict[str, NDArray[Any]]:
    slots = {f"optimizer.{name}": slot.vector for name, slot in state.optimizer.slots.items()}
    return {"weights": state.network.parameters.vector, "best": state.best.vector} | slots
