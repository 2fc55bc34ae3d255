"""Figures of a search: accuracy against each parameter, and every candidate's curves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from handstitch.config.messages import format_value
from handstitch.figures.labels import Lang, label, safe
from handstitch.figures.rendering import drawing
from handstitch.figures.search_space import (
    FEW,
    heat_map,
    is_grid,
    is_number,
    levels,
    parallel,
    title,
)
from handstitch.figures.style import (
    BLUE,
    FAINT,
    ORANGE,
    is_wide,
    logarithmic,
    new_figure,
    whole_numbers,
)
from handstitch.records import EpochRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from handstitch.search import Candidate

_MARKS: Final = {
    True: (BLUE, "indistinguishable"),
    False: (FAINT, "lower"),
    None: (ORANGE, "not compared"),
}
"""Verdict → colour and label of a candidate's mark."""
_CURVES: Final = 12
"""Candidates whose curves are coloured; the others are grey."""
_PANELS: Final = 4
"""Most parameters that have a panel."""
_BANDS: Final = 4
"""Candidates whose range over the seeds is shown; more would hide one another."""

Histories = Mapping[int, Sequence[Sequence[EpochRecord]]]
"""Candidate → the epochs of each of its finished trials."""


def all_of(
    candidates: Sequence[Candidate],
    histories: Histories,
    parameters: Sequence[str],
    lang: Lang = "en",
) -> dict[str, Figure]:
    """Name → figure, for the candidates of a search, best first, and its `parameters`.

    A heat map needs two parameters in all combinations, parallel coordinates need two.
    """
    if not candidates:
        return {}
    figures = {"parameters": accuracies(candidates, parameters, lang)} if parameters else {}
    if grids := [pair for pair in combinations(parameters, 2) if is_grid(candidates, pair)]:
        figures["heat_map"] = heat_map(candidates, grids[0], lang)
    if len(parameters) > 1:
        figures["parallel"] = parallel(candidates, parameters, lang)
    figures["curves"] = candidate_curves(candidates, histories, lang)
    return figures


@drawing
def accuracies(
    candidates: Sequence[Candidate], parameters: Sequence[str], lang: Lang = "en"
) -> Figure:
    """Accuracy against each parameter, in a panel each; error bars are 95 % intervals.

    The line joins the means over the candidates that share a value. Filled marks are
    indistinguishable from the best.
    """
    shown = list(parameters)[:_PANELS]
    figure = new_figure(1.2 + 3.4 * len(shown), 3.9)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, shown, strict=True):
        places = _place(axes, name, [candidate.parameters[name] for candidate in candidates])
        steps = sorted(set(places))
        gap = min((right - left for left, right in pairwise(steps)), default=1.0)
        for offset, candidate, place in zip(_offsets(places), candidates, places, strict=True):
            colour, verdict = _MARKS[candidate.indistinguishable]
            axes.errorbar(
                [place + 0.25 * offset * gap],
                [candidate.mean],
                yerr=None if candidate.interval is None else candidate.interval[1] - candidate.mean,
                fmt="o",
                color=colour,
                markerfacecolor=colour if candidate.indistinguishable else "white",
                markersize=5,
                capsize=2,
                linewidth=1,
                zorder=3 if candidate.indistinguishable else 2,
                label=label(verdict, lang),
            )
        if len(steps) <= FEW:
            means = [
                np.mean([s.mean for s, p in zip(candidates, places, strict=True) if p == step])
                for step in steps
            ]
            axes.plot(steps, means, color=FAINT, linewidth=1, zorder=1)
        axes.grid(visible=True, axis="y")
    panels[0].set_ylabel(label("val accuracy", lang))
    kinds = dict(zip(*panels[0].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(kinds.values(), kinds.keys(), loc="outside lower center", ncols=3)
    return figure


@drawing
def candidate_curves(
    candidates: Sequence[Candidate], histories: Histories, lang: Lang = "en"
) -> Figure:
    """Validation accuracy and loss of each candidate, epoch by epoch: the mean over its seeds.

    The band reaches from its lowest to its highest seed. Best first; beyond the first
    few, lines are grey.
    """
    from matplotlib import colormaps

    shown = [one for one in candidates if histories.get(one.number)]
    figure = new_figure(9.4, 4.4)
    left, right = figure.subplots(1, 2)
    count = max(1, min(len(shown), _CURVES) - 1)
    for rank, candidate in reversed(list(enumerate(shown))):
        is_named = rank < _CURVES
        parts = (f"{title(key)} {format_value(v)}" for key, v in candidate.parameters.items())
        name = safe(", ".join(parts), 44) or "–"
        colour = colormaps["viridis"](0.92 * rank / count) if is_named else "#bbbbbb"
        for axes, field in ((left, "val_accuracy"), (right, "val_loss")):
            runs = histories[candidate.number]
            length = min(map(len, runs))  # as many epochs as all seeds have
            table = np.array([[getattr(record, field) for record in run[:length]] for run in runs])
            epochs = range(1, table.shape[1] + 1)
            axes.plot(
                epochs,
                table.mean(axis=0),
                color=colour,
                linewidth=2.2 if rank == 0 else 1.1,
                zorder=3 if is_named else 1,
                marker="o" if table.shape[1] == 1 else "",
                label=name if is_named and axes is left else None,
            )
            if rank < _BANDS:
                axes.fill_between(
                    epochs, table.min(axis=0), table.max(axis=0), color=colour, alpha=0.12,
                    linewidth=0,
                )  # fmt: skip
    for axes, key in ((left, "val accuracy"), (right, "val loss")):
        axes.set(xlabel=label("epoch", lang), ylabel=label(key, lang))
        axes.grid(visible=True)
        whole_numbers(axes.xaxis)
    handles, names = left.get_legend_handles_labels()
    if any(names):
        figure.legend(handles[::-1], names[::-1], loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _place(axes: Axes, name: str, values: Sequence[Any]) -> list[float]:
    """Position of each value: many numbers on their scale, other values side by side."""
    axes.set_xlabel(title(name))
    known = levels(values)
    if len(known) > FEW and all(map(is_number, values)):
        if is_wide(values):
            logarithmic(axes, "x")
        return [float(value) for value in values]
    every = -(-len(known) // FEW)  # as many labels as there is room for
    shown = range(0, len(known), every)
    axes.set_xticks(shown, [safe(known[place], 20) for place in shown], rotation=30, ha="right")
    axes.set_xlim(-0.6, len(known) - 0.4)
    return [float(known.index(format_value(value))) for value in values]


def _offsets(places: Sequence[float]) -> list[float]:
    """Offset of each candidate that shares its place with others, so that all bars are visible."""
    counts, seen = Counter(places), Counter[float]()
    offsets = []
    for place in places:
        offsets.append((seen[place] - (counts[place] - 1) / 2) / counts[place])
        seen[place] += 1
    return offsets
