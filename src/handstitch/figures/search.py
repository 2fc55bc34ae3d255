"""Figures of a search: accuracy against each parameter, and every candidate's curves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from handstitch.config.messages import format_value
from handstitch.figures.canvas import (
    SMALL,
    canvas,
    panel,
    percentages,
    points,
    text_width,
    write,
)
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
_WIDTH: Final = 960
"""CSS pixels, of all panels."""
_HEIGHT: Final = 190
"""Pixels of a panel."""
_ASIDE: Final = 0.6
"""Inches over which candidates with one value are spread, at most."""
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
    candidates: Sequence[Candidate],
    parameters: Sequence[str],
    lang: Lang = "en",
) -> Figure:
    """Accuracy against each parameter, in a panel each: means, and lines for 95 % intervals.

    Numbers stand on their scale, logarithmic where they span orders of magnitude, and a line joins
    the means over the candidates that share a value; words stand side by side, and nothing joins
    them. Filled marks are indistinguishable from the best.
    """
    shown = list(parameters)[:_PANELS]
    columns = 2 if len(shown) == 4 else len(shown)
    rows = -(-len(shown) // columns)
    names = max(
        (text_width(name, SMALL) for key in shown for name in _words(candidates, key)), default=0.0
    )
    pitch = _HEIGHT + 72 + (0.5 * names if names else 14)
    figure = canvas(_WIDTH, 44 + rows * pitch)
    wide = (_WIDTH - 24 * (columns - 1)) / columns
    start = 0.0
    verdicts = {one.indistinguishable for one in candidates}
    for verdict, (colour, key) in _MARKS.items():
        if verdict in verdicts:
            text = f"{'●' if verdict else '○'} {label(key, lang)}"
            write(figure, start, 16, text, SMALL, color=colour)
            start += text_width(text, SMALL) + 20
    panels: list[Axes] = []
    for place, name in enumerate(shown):
        row, column = divmod(place, columns)
        left, top = column * (wide + 24), 44 + row * pitch
        options = {"sharey": panels[0]} if panels else {}
        panels.append(panel(figure, left + 52, top + 40, wide - 60, _HEIGHT, **options))
        write(figure, left, top + 14, title(name), 14, fontweight="bold")
        write(figure, left, top + 32, label("val accuracy", lang), SMALL, color=FAINT)
        _draw_parameter(panels[-1], name, candidates, lang)
    percentages(panels[0].yaxis, 6)
    return figure


def _words(candidates: Sequence[Candidate], key: str) -> list[str]:
    """The values of a parameter as labels, unless they are numbers."""
    values = [one.parameters[key] for one in candidates]
    return [] if all(map(is_number, values)) else [safe(each, 20) for each in levels(values)]


def _draw_parameter(axes: Axes, name: str, candidates: Sequence[Candidate], lang: Lang) -> None:
    from matplotlib.transforms import ScaledTranslation

    values = [candidate.parameters[name] for candidate in candidates]
    places = _place(axes, values)
    steps = sorted(set(places))
    wide = axes.bbox.width / axes.figure.dpi  # inches
    spread = min(_ASIDE, 0.2 * wide, 0.4 * wide / len(steps))
    for offset, candidate, place in zip(_offsets(places), candidates, places, strict=True):
        colour, verdict = _MARKS[candidate.indistinguishable]
        aside = ScaledTranslation(offset * spread, 0, axes.figure.dpi_scale_trans)
        axes.errorbar(
            [place],
            [candidate.mean],
            yerr=None if candidate.interval is None else candidate.interval[1] - candidate.mean,
            fmt="o",
            color=colour,
            markerfacecolor=colour if candidate.indistinguishable else "white",
            markersize=points(8),
            linewidth=points(1.5),
            zorder=3 if candidate.indistinguishable else 2,
            label=label(verdict, lang),
            transform=axes.transData + aside,
        )
        axes.update_datalim([(place, end) for end in candidate.interval or (candidate.mean,)])
    if len(steps) <= FEW and all(map(is_number, values)):
        means = [
            np.mean([s.mean for s, p in zip(candidates, places, strict=True) if p == step])
            for step in steps
        ]
        axes.plot(steps, means, color=FAINT, linewidth=points(1.2), zorder=1)
    axes.margins(y=0.08)
    axes.autoscale_view()


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


def _place(axes: Axes, values: Sequence[Any]) -> list[float]:
    """Position of each value: numbers on their scale, other values side by side."""
    known = levels(values)
    if all(map(is_number, values)):
        if is_wide(values):
            logarithmic(axes, "x")
        axes.margins(x=0.12)
        if len(known) <= FEW:
            _mark(axes, sorted({float(value) for value in values}))
        return [float(value) for value in values]
    every = -(-len(known) // FEW)  # as many labels as there is room for
    shown = range(0, len(known), every)
    axes.set_xticks(shown, [safe(known[place], 20) for place in shown], rotation=30, ha="right",
                    rotation_mode="anchor")  # fmt: skip
    axes.set_xlim(-0.6, len(known) - 0.4)
    return [float(known.index(format_value(value))) for value in values]


def _mark(axes: Axes, values: Sequence[float]) -> None:
    """Ticks at these values, those left out that would lie on their neighbour."""
    from matplotlib.ticker import FixedLocator, NullLocator

    wide = axes.bbox.width * 96 / axes.figure.dpi
    scale = np.log if axes.get_xscale() == "log" else np.asarray
    where = np.asarray(scale(np.array(values)), np.float64)
    where = (where - where[0]) / (where[-1] - where[0] or 1) * 0.76 * wide
    kept: list[int] = []
    for k, value in enumerate(values):
        room = text_width(f"{value:g}", SMALL) + 6
        if not kept or where[k] - where[kept[-1]] > room:
            kept.append(k)
    axes.xaxis.set_major_locator(FixedLocator([values[k] for k in kept]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _offsets(places: Sequence[float]) -> list[float]:
    """Offset of each candidate that shares its place with others, so that all bars are visible."""
    counts, seen = Counter(places), Counter[float]()
    offsets = []
    for place in places:
        offsets.append((seen[place] - (counts[place] - 1) / 2) / counts[place])
        seen[place] += 1
    return offsets
