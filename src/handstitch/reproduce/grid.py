"""The report's nine settings as a table one can ask: rate × decay × seed → trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from handstitch.errors import HandstitchError
from handstitch.records import Trial
from handstitch.search.ranking import Compared, compare, finished
from handstitch.search.statistics import Table

Value = Callable[[Trial], float]
"""Trial → the figure that a claim is about."""


class Grid:
    """Trials over `learning_rate` and `weight_decay`, on the seeds that every setting has.

    A seed is left out for all settings if a trial of one of them failed: comparisons go seed by
    seed.
    """

    def __init__(self, trials: Sequence[Trial]) -> None:
        found: dict[tuple[float, float], dict[int, Trial]] = {}
        for by_repeat in finished(trials).values():
            key = _key(next(iter(by_repeat.values())))
            found.setdefault(key, {}).update(by_repeat)
        self.rates = sorted({rate for rate, _ in found})
        self.decays = sorted({decay for _, decay in found})
        self.repeats = sorted(set.intersection(*map(set, found.values()))) if found else []
        self._trials = found
        missing = len(self.rates) * len(self.decays) - len(found)
        if missing or not found:
            raise HandstitchError(
                "the grid is not whole",
                found=f"{missing} of its settings without a finished trial"
                if found
                else "no finished trial",
                wanted="every rate with every decay",
                fix="run the search again: it trains what is missing",
            )

    def at(self, rate: float, decay: float) -> list[Trial]:
        """The setting's trials, one for each common seed."""
        return [self._trials[rate, decay][repeat] for repeat in self.repeats]

    def all(self) -> list[list[Trial]]:
        """Every setting's trials, rate by rate."""
        return [self.at(rate, decay) for rate in self.rates for decay in self.decays]

    def over_decays(self, rate: float, value: Value) -> Table:
        """For each seed the mean of `value` over the decays, at one rate."""
        return _mean([self.at(rate, decay) for decay in self.decays], value)

    def over_rates(self, decay: float, value: Value) -> Table:
        """For each seed the mean of `value` over the rates, at one decay."""
        return _mean([self.at(rate, decay) for rate in self.rates], value)

    def table(self, value: Value) -> Table:
        """(settings, seeds), rate by rate."""
        return np.array([[value(trial) for trial in trials] for trials in self.all()])


def pooled(base: dict[str, Any], *searches: Sequence[Trial]) -> list[Trial]:
    """The trials of several searches as one.

    A parameter that a search did not vary has its value in `base`. A setting that was in two of
    them is taken from the first.
    """
    names = sorted({name for trials in searches for each in trials for name in each.parameters})
    pool: dict[tuple[str, int], Trial] = {}
    for trials in searches:
        for trial in trials:
            values = {name: trial.parameters.get(name, base[name]) for name in names}
            named = msgspec.structs.replace(trial, parameters=values)
            key = repr([_plain(values[name]) for name in names])
            pool.setdefault((key, trial.repeat), named)
    order = list(dict.fromkeys(key for key, _ in pool))
    return [
        msgspec.structs.replace(trial, setting=order.index(key), number=number)
        for number, ((key, _), trial) in enumerate(pool.items())
    ]


def chosen(trials: Sequence[Trial], value: Value, **wanted: object) -> tuple[Compared, int | None]:
    """The comparable settings, and the row of the one with these parameters."""
    compared = compare(trials, value)
    found = finished(trials)
    for row, setting in enumerate(compared.settings):
        parameters = next(iter(found[setting].values())).parameters
        if all(_same(parameters.get(name), given) for name, given in wanted.items()):
            return compared, row
    return compared, None


def _same(one: object, other: object) -> bool:
    return repr(_plain(one)) == repr(_plain(other))


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, int | float) else value


def _key(trial: Trial) -> tuple[float, float]:
    return float(trial.parameters["learning_rate"]), float(trial.parameters["weight_decay"])


def _mean(settings: list[list[Trial]], value: Value) -> Table:
    table = np.array([[value(trial) for trial in trials] for trials in settings], np.float64)
    mean: Table = table.mean(axis=0)
    return mean
