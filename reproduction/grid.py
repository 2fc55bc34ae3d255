"""Curves of many trials as arrays: the report's grid, and searches along one parameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from handstitch.errors import HandstitchError
from handstitch.records import EpochRecord, Trial
from handstitch.search.ranking import finished
from handstitch.search.statistics import Table


@dataclass(frozen=True, slots=True)
class Grid:
    """Every rate with every decay: curves of shape (rates, decays, seeds, epochs)."""

    rates: Sequence[float]
    decays: Sequence[float]
    train_loss: Table
    val_loss: Table
    val_accuracy: Table


def grid_of(trials: Iterable[Trial]) -> Grid:
    """Trials over `learning_rate` and `weight_decay`, on the seeds that every candidate has.

    A seed is left out for all candidates if a trial of one of them failed: comparisons go seed
    by seed. Raises HandstitchError if nothing is left of a candidate.
    """
    found = {
        _key(next(iter(by_seed.values()))): by_seed for by_seed in finished(list(trials)).values()
    }
    rates = sorted({rate for rate, _ in found})
    decays = sorted({decay for _, decay in found})
    candidates = [(rate, decay) for rate in rates for decay in decays]
    seeds = sorted(set.intersection(*map(set, found.values()))) if found else []
    if not seeds or len(found) < len(candidates):
        raise HandstitchError(
            "the grid is incomplete",
            found=f"{len(found)} candidates with finished trials, {len(seeds)} seeds in common",
            wanted="every rate with every decay, on one seed at least",
            fix="run it again: what is missing is trained",
        )
    histories = [found[each][seed].history for each in candidates for seed in seeds]
    shape = (len(rates), len(decays), len(seeds), -1)
    fields = ("train_loss", "val_loss", "val_accuracy")
    return Grid(rates, decays, *(curves(histories, field).reshape(shape) for field in fields))


def curves(histories: Iterable[Sequence[EpochRecord]], field: str) -> Table:
    """(runs, epochs): one figure of every epoch."""
    return np.array([[getattr(record, field) for record in each] for each in histories])


def along(name: str, default: object, *searches: Iterable[Trial]) -> list[Trial]:
    """Trials that differ in the parameter `name` alone, as those of one search.

    A search that did not vary it had `default`. A trial that two of them share is taken from the
    first, whose candidates have the lowest numbers.
    """
    values: list[Any] = []
    pool: dict[tuple[int, int], Trial] = {}
    for trial in chain.from_iterable(searches):
        value = trial.parameters.get(name, default)
        if value not in values:
            values.append(value)
        number = values.index(value)
        alone = msgspec.structs.replace(trial, candidate=number, parameters={name: value})
        pool.setdefault((number, trial.repeat), alone)
    return [
        msgspec.structs.replace(trial, number=number) for number, trial in enumerate(pool.values())
    ]


def _key(trial: Trial) -> tuple[float, float]:
    return float(trial.parameters["learning_rate"]), float(trial.parameters["weight_decay"])
