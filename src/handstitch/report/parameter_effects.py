"""Accuracy at each value of a searched parameter: the candidates that share it, as a whisker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from handstitch.config.messages import format_value
from handstitch.report.charts import percent
from handstitch.report.inline_charts import Scale, Whisker, whisker
from handstitch.search import Candidate

_FEW: Final = 8
"""A parameter with more values than this is cut into _GROUPS of about equal size, but for words."""
_GROUPS: Final = 4


class Effect(NamedTuple):
    """The candidates that share a value, or a range of values."""

    value: str
    candidates: str
    mean: str
    """Of their means."""
    lowest: str
    highest: str
    whisker: Whisker
    """From the lowest to the highest, on the scale of all effects."""


def effects(candidates: Sequence[Candidate], parameters: Sequence[str]) -> dict[str, list[Effect]]:
    """Parameter → what each of its values gives, over the candidates that were compared."""
    compared = [one for one in candidates if one.indistinguishable is not None]
    means = [one.mean for one in compared]
    if not means:
        return {}
    scale = Scale(min(means), max(means))
    return {
        name: [_effect(label, some, scale) for label, some in _groups(compared, name)]
        for name in parameters
    }


def _groups(candidates: Sequence[Candidate], name: str) -> list[tuple[str, list[Candidate]]]:
    """(value or range, its candidates) in the order of the values."""
    ordered = sorted(candidates, key=lambda one: _place(one.parameters[name]))
    values = list(dict.fromkeys(format_value(one.parameters[name]) for one in ordered))
    are_words = any(isinstance(one.parameters[name], str) for one in candidates)
    count = len(values) if len(values) <= _FEW or are_words else _GROUPS
    found: dict[int, list[Candidate]] = {}
    for one in ordered:
        at = values.index(format_value(one.parameters[name])) * count // len(values)
        found.setdefault(at, []).append(one)
    ends = [(some[0].parameters[name], some[-1].parameters[name]) for some in found.values()]
    labels = [" – ".join(dict.fromkeys(map(format_value, pair))) for pair in ends]
    return list(zip(labels, found.values(), strict=True))


def _place(value: Any) -> tuple[float, str]:
    """Numbers in their order, a network by its number of hidden units, words by the alphabet."""
    if isinstance(value, int | float):
        return float(value), ""
    if isinstance(value, list) and all(isinstance(each, int) for each in value):
        return float(sum(value)), format_value(value)
    return 0.0, format_value(value)


def _effect(label: str, candidates: Sequence[Candidate], scale: Scale) -> Effect:
    means = [one.mean for one in candidates]
    mean, lowest, highest = sum(means) / len(means), min(means), max(means)
    return Effect(
        value=label,
        candidates=f"{len(means):,}",
        mean=percent(mean),
        lowest=percent(lowest),
        highest=percent(highest),
        whisker=whisker(mean, (lowest, highest), scale),
    )
