"""Training curves: accuracies, losses and learning rate of every epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from handstitch.figures.canvas import (
    SMALL,
    canvas,
    panel,
    percentages,
    points,
    spread,
    text_width,
    write,
)
from handstitch.figures.labels import Lang, label
from handstitch.figures.rendering import drawing
from handstitch.figures.style import (
    BLUE,
    FAINT,
    INK,
    ORANGE,
    VERMILION,
    is_wide,
    logarithmic,
    new_figure,
    whole_numbers,
)
from handstitch.records import EpochRecord, best_epoch, is_validated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_FEW: Final = 16
"""Epochs up to which every epoch has a marker."""
_MANY: Final = 1_500
"""Epochs from which lines are thin: there are more than a page has pixels across."""
_STYLES: Final = {
    "train_accuracy": ("training", FAINT, "--"),
    "val_accuracy": ("validation", BLUE, "-"),
    "train_loss": ("training", FAINT, "--"),
    "val_loss": ("validation", BLUE, "-"),
    "learning_rate": ("learning rate", INK, "-"),
}
"""Field of EpochRecord → label, colour and line style: one colour for one part of the data."""
_COURSE: Final = {
    "val_accuracy": ("val accuracy", BLUE, "-"),
    "train_loss": ("train loss", ORANGE, "--"),
    "val_loss": ("val loss", VERMILION, "-"),
}
_PANELS: Final = {
    "accuracy": ("train_accuracy", "val_accuracy"),
    "loss": ("train_loss", "val_loss"),
    "learning rate": ("learning_rate",),
}
_HEADING: Final = 46
"""Pixels above the axes of a panel."""
_FOOT: Final = 46
_GAP: Final = 12
_LABEL: Final = 2.6 * SMALL
"""Height of a label of two lines."""


@drawing
def curves(
    history: Sequence[EpochRecord],
    style: Literal["handstitch", "course"] = "handstitch",
    lang: Lang = "en",
    width: float = 960,
) -> Figure:
    """Accuracy, loss (nats per sample) and learning rate against the epoch, in a panel each.

    The figure is `width` CSS pixels wide: from 900 the panels stand beside each other, below 600
    under each other. `course` is the course report's figure: validation accuracy on one axis,
    training and validation loss on the other. Raises ValueError for an empty history.
    """
    if not history:
        raise ValueError("empty history: no epoch to draw")
    return _course(history, lang) if style == "course" else _handstitch(history, lang, width)


def _handstitch(history: Sequence[EpochRecord], lang: Lang, width: float) -> Figure:
    """Panels of accuracy, loss and learning rate: beside each other where there is room."""
    ends = [label(key, lang) for key in ("training", "validation")]
    margins = 46.0, 10 + max(text_width(end, SMALL) for end in [*ends, "100.00 %"])
    boxes, height = _boxes(width)
    figure = canvas(width, height)
    best = best_epoch(history) if is_validated(history) else None
    panels = [
        panel(figure, left + margins[0], top + _HEADING, wide - sum(margins), high)
        for left, top, wide, high in boxes
    ]
    for axes, key, (left, top, *_) in zip(panels, _PANELS, boxes, strict=True):
        write(figure, left, top + 16, label(key, lang).capitalize(), 14, fontweight="bold")
        write(figure, left, top + 34, label(f"{key} unit", lang), SMALL, color=FAINT)
        axes.margins(x=0.04, y=0.08)
        lines = _draw(axes, history, lang, _PANELS[key], _STYLES)
        if best is not None:
            axes.axvline(best.epoch, color=FAINT, linewidth=points(1), linestyle=":", zorder=1)
        if key == "learning rate":
            _scale_rates(axes, [record.learning_rate for record in history])
        elif key == "accuracy":
            percentages(axes.yaxis, 6)
        whole_numbers(axes.xaxis, 5)
        axes.set_xlabel(label("epoch", lang), fontsize=points(SMALL), color=FAINT)
        _label_ends(axes, lines, key)
    if best is not None and best.val_accuracy is not None and isfinite(best.val_accuracy):
        _mark_best(panels[0], best.epoch, best.val_accuracy, lang, is_named=len(history) > 1)
    return figure


def _boxes(width: float) -> tuple[list[tuple[float, float, float, float]], float]:
    """(left, top, width of a panel with its margins, height of its axes) for each; whole height."""
    if width >= 900:
        wide = (width - 2 * _GAP) / 3
        return [(k * (wide + _GAP), 0, wide, 240) for k in range(3)], 240 + _HEADING + _FOOT
    if width >= 600:
        wide, row = (width - _GAP) / 2, 210 + _HEADING + _FOOT + _GAP
        lower = (0, row, width, 90)
        return [(0, 0, wide, 210), (wide + _GAP, 0, wide, 210), lower], row + 90 + _HEADING + _FOOT
    row = 180 + _HEADING + _FOOT + _GAP
    tops = 0, row, 2 * row
    heights = 180, 180, 90
    return [
        (0, top, width, high) for top, high in zip(tops, heights, strict=True)
    ], 2 * row + 90 + _HEADING + _FOOT


def _label_ends(axes: Axes, lines: Sequence[Line2D], key: str) -> None:
    """Each line's name and last value beside its end, moved apart where they would overlap."""
    shown = [line for line in lines if np.isfinite(np.asarray(line.get_ydata(), np.float64)[-1])]
    per_unit = 96 / axes.figure.dpi
    low, high = (per_unit * end for end in axes.bbox.intervaly)
    heights = [
        per_unit * float(axes.transData.transform(np.asarray(line.get_xydata())[-1])[1])
        for line in shown
    ]
    places = spread(heights, _LABEL, low + _LABEL / 2, high - _LABEL / 2)
    for line, height, moved in zip(shown, heights, places, strict=True):
        x, y = np.asarray(line.get_xydata(), np.float64)[-1]
        named = "" if key == "learning rate" else f"{line.get_label()}\n"
        axes.annotate(
            f"{named}{_written(y, key)}",
            (x, y),
            xytext=(points(8), points(moved - height)),
            textcoords="offset points",
            va="center",
            fontsize=points(SMALL),
            color=line.get_color(),
            annotation_clip=False,
        )


def _written(value: float, key: str) -> str:
    return f"{100 * value:.2f} %" if key == "accuracy" else f"{value:.4g}"


def _scale_rates(axes: Axes, rates: Sequence[float]) -> None:
    if is_wide(rates):
        logarithmic(axes, "y")
    else:
        axes.set_ylim(0, 1.15 * max(rates) or 1.0)
        axes.locator_params(axis="y", nbins=3)


def _course(history: Sequence[EpochRecord], lang: Lang) -> Figure:
    figure = new_figure(8, 4.5)
    losses = figure.subplots()
    accuracy = losses.twinx()
    _draw(losses, history, lang, ["train_loss", "val_loss"], _COURSE)
    _draw(accuracy, history, lang, ["val_accuracy"], _COURSE)
    losses.set(xlabel=label("epoch", lang), ylabel=label("loss", lang))
    accuracy.set_ylabel(label("val accuracy", lang))
    whole_numbers(losses.xaxis)
    accuracy.set_visible(is_validated(history))
    handles = [*losses.get_lines(), *accuracy.get_lines()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _draw(
    axes: Axes,
    history: Sequence[EpochRecord],
    lang: Lang,
    names: Sequence[str],
    styles: Mapping[str, tuple[str, str, str]],
) -> list[Line2D]:
    """A line for each of these fields of EpochRecord that the epochs have."""
    lines: list[Line2D] = []
    for name in names:
        if name.startswith("val") and not is_validated(history):
            continue
        key, colour, stroke = styles[name]
        values = np.array([getattr(record, name) for record in history], np.float64)
        lines += axes.plot(
            [record.epoch for record in history],
            values,
            stroke,
            label=label(key, lang),
            color=colour,
            linewidth=points(2.2 if len(history) <= _MANY else 0.9),
            marker="o" if len(history) <= _FEW else "",
            markersize=points(4.5),
        )
        if not np.isfinite(values).any():
            axes.set_ylim(0, 1)
    return lines


def _mark_best(axes: Axes, epoch: int, accuracy: float, lang: Lang, *, is_named: bool) -> None:
    """A ring around the best epoch, named at the foot of its line."""
    axes.plot(
        [epoch], [accuracy], linestyle="", marker="o", markersize=points(10),
        markerfacecolor="none", markeredgecolor=BLUE, markeredgewidth=points(2), zorder=5,
        label=label("best", lang, epoch=epoch, accuracy=accuracy),
    )  # fmt: skip
    if not is_named:
        return
    low, high = axes.get_xlim()
    is_right = epoch > (low + high) / 2
    axes.annotate(
        label("best epoch", lang, epoch=epoch),
        (epoch, 0),
        xycoords=axes.get_xaxis_transform(),
        xytext=(points(-5 if is_right else 5), points(6)),
        textcoords="offset points",
        ha="right" if is_right else "left",
        fontsize=points(SMALL),
        color=FAINT,
    )
