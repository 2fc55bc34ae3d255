"""Figures of a search: accuracy against each parameter, and every candidate's curves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from handstitch.config.messages import format_value
from handstitch.figures.labels import Lang, label, safe
from handstitch.figures.rendering import drawing
from handstitch.figures.search_space import heat_map, is_grid, parallel
from handstitch.figures.settings import FEW, is_number, is_wide, levels, title
from handstitch.figures.style import BLUE, FAINT, ORANGE, logarithmic, new_figure, whole_numbers
from handstitch.records import EpochRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from handstitch.search import Setting

_MARKS: Final = {True: (BLUE, "tied"), False: (FAINT, "lower"), None: (ORANGE, "not compared")}
"""Verdict → colour and words of a candidate's mark."""
_CURVES: Final = 12
"""Candidates whose curves have a colour; the others are grey."""
_PANELS: Final = 4
"""Parameters with a panel of their own, the first ones."""
_BANDS: Final = 4
"""Candidates whose seeds' spread is shown; more would cover one another."""

Histories = Mapping[int, Sequence[Sequence[EpochRecord]]]
"""Candidate → the epochs of each of its finished trials."""


def all_of(
    settings: Sequence[Setting], histories: Histories, parameters: Sequence[str], lang: Lang = "en"
) -> dict[str, Figure]:
    """Name → figure: what there is to see in a search with these `parameters`, best first.

    A heat map needs two parameters that were tried in all combinations, parallel coordinates need
    two.
    """
    if not settings:
        return {}
    figures = {"parameters": accuracies(settings, parameters, lang)} if parameters else {}
    if grids := [pair for pair in combinations(parameters, 2) if is_grid(settings, pair)]:
        figures["heat_map"] = heat_map(settings, grids[0], lang)
    if len(parameters) > 1:
        figures["parallel"] = parallel(settings, parameters, lang)
    figures["curves"] = setting_curves(settings, histories, lang)
    return figures


@drawing
def accuracies(settings: Sequence[Setting], parameters: Sequence[str], lang: Lang = "en") -> Figure:
    """Accuracy against each parameter, a panel each; every candidate with its 95 % interval.

    The line joins the means over the candidates that share a value. Filled marks are
    indistinguishable from the best.
    """
    shown = list(parameters)[:_PANELS]
    figure = new_figure(1.2 + 3.4 * len(shown), 3.9)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, shown, strict=True):
        values = [each.parameters[name] for each in settings]
        places = _place(axes, name, values)
        steps = sorted(set(places))
        gap = min((right - left for left, right in pairwise(steps)), default=1.0)
        for offset, each, place in zip(_offsets(places), settings, places, strict=True):
            _mark(axes, each, place + 0.25 * offset * gap, lang)
        if len(steps) <= FEW:
            means = [
                np.mean([s.mean for s, p in zip(settings, places, strict=True) if p == step])
                for step in steps
            ]
            axes.plot(steps, means, color=FAINT, linewidth=1, zorder=1)
        axes.grid(visible=True, axis="y")
    panels[0].set_ylabel(label("val accuracy", lang))
    handles, labels = panels[0].get_legend_handles_labels()
    kinds = dict(zip(labels, handles, strict=True))
    figure.legend(kinds.values(), kinds.keys(), loc="outside lower center", ncols=3)
    return figure


@drawing
def setting_curves(settings: Sequence[Setting], histories: Histories, lang: Lang = "en") -> Figure:
    """Validation accuracy and loss of each candidate, epoch by epoch: the mean over its seeds.

    The band reaches from its lowest to its highest seed. Best first; beyond the first
    few, lines are grey.
    """
    from matplotlib import colormaps

    shown = [each for each in settings if histories.get(each.setting)]
    figure = new_figure(9.4, 4.4)
    left, right = figure.subplots(1, 2)
    count = max(1, min(len(shown), _CURVES) - 1)
    for rank, each in reversed(list(enumerate(shown))):
        told = rank < _CURVES
        parts = [f"{title(name)} {format_value(value)}" for name, value in each.parameters.items()]
        name = safe(", ".join(parts), 44) or "–"
        colour = colormaps["viridis"](0.92 * rank / count) if told else "#bbbbbb"
        for axes, field in ((left, "val_accuracy"), (right, "val_loss")):
            table = _aligned(histories[each.setting], field)
            epochs = range(1, table.shape[1] + 1)
            axes.plot(
                epochs,
                table.mean(axis=0),
                color=colour,
                linewidth=2.2 if rank == 0 else 1.1,
                zorder=3 if told else 1,
                marker="o" if table.shape[1] == 1 else "",
                label=name if told and axes is left else None,
            )
            if rank < _BANDS:
                axes.fill_between(
                    epochs, table.min(axis=0), table.max(axis=0), color=colour, alpha=0.12,
                    linewidth=0,
                )  # fmt: skip
    for axes, key in ((left, "val accuracy"), (right, "val loss")):
        axes.set_xlabel(label("epoch", lang))
        axes.set_ylabel(label(key, lang))
        axes.grid(visible=True)
        whole_numbers(axes.xaxis)
    handles, names = left.get_legend_handles_labels()
    if any(names):
        figure.legend(handles[::-1], names[::-1], loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _mark(axes: Axes, each: Setting, place: float, lang: Lang) -> None:
    colour, verdict = _MARKS[each.tied]
    axes.errorbar(
        [place],
        [each.mean],
        yerr=None if each.interval is None else each.interval[1] - each.mean,
        fmt="o",
        color=colour,
        markerfacecolor=colour if each.tied else "white",
        markersize=5,
        capsize=2,
        linewidth=1,
        zorder=3 if each.tied else 2,
        label=label(verdict, lang),
    )


def _place(axes: Axes, name: str, values: Sequence[Any]) -> list[float]:
    """Where on the axis each value stands: many numbers at their size, else values side by side."""
    axes.set_xlabel(title(name))
    known = levels(values)
    if len(known) > FEW and all(map(is_number, values)):
        if is_wide(values):
            logarithmic(axes, "x")
        return [float(each) for each in values]
    every = -(-len(known) // FEW)  # as many labels as there is room for
    shown = range(0, len(known), every)
    axes.set_xticks(shown, [safe(known[each], 20) for each in shown], rotation=30, ha="right")
    axes.set_xlim(-0.6, len(known) - 0.4)
    return [float(known.index(format_value(each))) for each in values]


def _offsets(places: Sequence[float]) -> list[float]:
    """A step aside for each of several candidates at one place, so that their bars can be seen."""
    counts, seen = Counter(places), Counter[float]()
    offsets = []
    for place in places:
        offsets.append((seen[place] - (counts[place] - 1) / 2) / counts[place])
        seen[place] += 1
    return offsets


def _aligned(histories: Sequence[Sequence[EpochRecord]], field: str) -> NDArray[np.float64]:
    """(seeds, epochs), as many epochs as every seed has."""
    length = min(map(len, histories))
    return np.array([[getattr(each, field) for each in one[:length]] for one in histories])
