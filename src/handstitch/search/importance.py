"""Parameter importance: share of the variance between trials that each parameter explains."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Final

import numpy as np

from handstitch.search.statistics import Table

_GROUPS: Final = 4
_FEW: Final = 6
"""A parameter with more values than this is cut into _GROUPS of equal size."""


def importance(table: Table, parameters: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Parameter → ω², the share of the variance between trials that it explains, highest first.

    `parameters` are those of each row of `table`.

    From a one-way analysis of variance for each parameter (W. L. Hays, Statistics for
    Psychologists, 1963), without what a seed does to all candidates alike, and less what the
    other parameters and chance would explain. A parameter with many values is cut into quarters.
    In a full grid these are the main effects, and they add up to 1 at most. Elsewhere parameters
    vary together, and what they share counts for each of them. A parameter is left out if none of
    its groups has two candidates: it would explain everything.
    """
    names = parameters[0] if parameters else ()
    shares = {
        name: _explained(table, _grouped([values.get(name) for values in parameters]))
        for name in names
    }
    known = {name: share for name, share in shares.items() if share is not None}
    return dict(sorted(known.items(), key=lambda item: (-item[1], item[0])))


def is_full_grid(parameters: Sequence[dict[str, Any]]) -> bool:
    """Whether every combination of the parameters' values occurs exactly once."""
    combinations = {tuple(map(repr, values.values())) for values in parameters}
    sizes = [len(set(column)) for column in zip(*combinations, strict=True)]
    return len(combinations) == len(parameters) == prod(sizes)


def _explained(table: Table, groups: list[int]) -> float | None:
    """ω² of the groups of rows; None if it is undefined."""
    candidates, repeats = table.shape
    values: Table = table - table.mean(axis=0)
    count = len(set(groups))
    if count < 2 or candidates == count:
        return None
    means = values.mean(axis=1)
    labels = np.array(groups)
    fitted = np.array([means[labels == group].mean() for group in groups])
    between = repeats * float(np.sum((fitted - means.mean()) ** 2))
    # Trials of one candidate are not independent: candidates within a group are the error term.
    error = repeats * float(np.sum((means - fitted) ** 2)) / (candidates - count)
    total = float(np.sum(values**2))
    if total < 1e-12:  # rounding: one image in 6,000 gives 3e-8
        return 0.0
    return float(max(0.0, (between - (count - 1) * error) / (total + error)))


def _grouped(values: list[Any]) -> list[int]:
    """The group of each value: equal values, or a quarter of many numbers.

    A network counts by its number of hidden units.
    """
    sizes = [
        sum(value)
        if isinstance(value, list) and all(isinstance(width, int) for width in value)
        else value
        for value in values
    ]
    names = list(map(repr, values))
    if len(set(names)) > _FEW and all(isinstance(size, int | float) for size in sizes):
        steps = sorted(set(sizes))
        return [steps.index(size) * _GROUPS // len(steps) for size in sizes]
    return [names.index(name) for name in names]
