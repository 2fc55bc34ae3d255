"""One trial: a pure function of a configuration and of where its data are.

It writes nothing and knows no study, so it may run in any process on any machine; what it found
goes back to whoever asked. A trial that may be ended early runs in parts: each takes up the
position in which the one before stopped, to the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handstitch import checkpoint, machine, memory, steps, training
from handstitch.config import Config, from_mapping
from handstitch.data import sources
from handstitch.data.dataset import Dataset
from handstitch.errors import DataError, DivergedError, MachineError
from handstitch.records import EpochRecord
from handstitch.snapshot import Snapshot

AfterStep = Callable[[training.State], None]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a trial stopped, at the end of an epoch."""

    vectors: dict[str, NDArray[Any]]
    """θ, the best weights and the optimizer's slots."""
    steps: int
    """The optimizer's."""
    history: list[EpochRecord]


@dataclass(frozen=True, slots=True)
class Task:
    """What a trial needs to know."""

    config: dict[str, Any]
    """`Config.to_dict()`, with nothing left at `auto`."""
    data_digest: str
    """Of the training part: SHA-256 of pixels and labels."""
    data_dir: str | None = None
    until: int | None = None
    """The epoch after which this part ends; None for the whole trial."""
    position: Position | None = None
    """Where to go on; None at the beginning."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a trial, or of a part of one."""

    history: list[EpochRecord]
    """Every epoch so far."""
    val_images: int
    seconds: float
    """Of this part, data and all."""
    problem: str = ""
    """Why it failed; empty if it did not."""
    best: bytes = field(default=b"", repr=False)
    """The model file of the best epoch; empty if no epoch was finished."""
    position: Position | None = field(default=None, repr=False)
    """Where to go on; None if the trial is over."""


def train(task: Task, after_step: AfterStep | None = None) -> Outcome:
    """Train as `task` says. Raises DataError if the images here are others than its digest's.

    A trial that diverges, or whose network does not fit in memory, has a problem, and is no error.
    """
    began = perf_counter()
    config = from_mapping(task.config, "this trial")
    steps.require(config)
    dataset = _dataset(config.dataset, task)
    with machine.blas_threads(int(config.threads)):
        learning = training.Task(config, dataset)
        try:
            memory.require(
                memory.of_run(config, learning.sizes, len(dataset)),
                f"a network {'-'.join(map(str, learning.sizes))}",
            )
        except MachineError as error:
            return _hopeless(error, learning, began)
        state = training.start(config, learning.sizes)
        if task.position is not None:
            _take_up(task.position, state)
        problem = ""
        try:
            for record in training.train(state, learning, config, after_step):
                if record.epoch == task.until:
                    break
        except DivergedError as error:
            problem = f"{error.problem}: {error.facts['found']}"
        build = machine.build() | steps.build(config)
    best = b""
    if state.history:
        snapshot = Snapshot(state, learning, config, dataset, build)
        best = checkpoint.model_bytes(snapshot.best_model())
    over = bool(problem) or training.is_over(state, config)
    return Outcome(
        history=state.history,
        val_images=len(learning.validation_labels),
        seconds=perf_counter() - began,
        problem=problem,
        best=best,
        position=None if over else _position(state),
    )


_loaded: dict[str, Dataset] = {}
"""The last data set that a trial in this process used, by digest."""


def _dataset(name: str, task: Task) -> Dataset:
    if task.data_digest not in _loaded:
        dataset = sources.load(name, "train", task.data_dir)
        _loaded.clear()
        _loaded[dataset.digest] = dataset
        if dataset.digest != task.data_digest:
            raise DataError(
                "a worker has other training images than the search began with",
                file=dataset.location,
                found=f"{dataset.name}, SHA-256 {dataset.digest[:8]}…",
                wanted=f"SHA-256 {task.data_digest[:8]}…",
                fix="give every machine the same files; where they are says --data-dir",
            )
    return _loaded[task.data_digest]


def hold(dataset: Dataset) -> None:
    """Have the data set at hand for the trials of this process."""
    _loaded.clear()
    _loaded[dataset.digest] = dataset


def _hopeless(error: MachineError, learning: training.Task, began: float) -> Outcome:
    return Outcome(
        history=[],
        val_images=len(learning.validation_labels),
        seconds=perf_counter() - began,
        problem=f"{error.problem}: {error.facts.get('found', '')}",
    )


def _vectors(state: training.State) -> dict[str, NDArray[Any]]:
    slots = {f"optimizer.{name}": slot.vector for name, slot in state.optimizer.slots.items()}
    return {"weights": state.network.parameters.vector, "best": state.best.vector} | slots


def _position(state: training.State) -> Position:
    vectors = {name: vector.copy() for name, vector in _vectors(state).items()}
    return Position(vectors, state.optimizer.steps, list(state.history))


def _take_up(position: Position, state: training.State) -> None:
    for name, vector in _vectors(state).items():
        np.copyto(vector, position.vectors[name])
    state.optimizer.steps = position.steps
    state.history = list(position.history)
    state.epoch = len(position.history)


def resolved(config: Config) -> dict[str, Any]:
    """A trial's configuration as a task carries it, its step chosen here."""
    return config.to_dict() | {"step": steps.require(config)}
