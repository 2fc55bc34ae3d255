"""Training curves: accuracies, losses and learning rate of every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from handstitch.figures.labels import Lang, label
from handstitch.figures.rendering import drawing
from handstitch.figures.style import (
    BLUE,
    FAINT,
    INK,
    ORANGE,
    SKY,
    VERMILION,
    YELLOW,
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

_FEW: Final = 40
"""Epochs up to which every epoch has a marker."""
_MANY: Final = 1_500
"""Epochs from which lines are thin: there are more than a page has pixels across."""
_STYLES: Final = {
    "train_accuracy": (SKY, "--"),
    "val_accuracy": (BLUE, "-"),
    "train_loss": (ORANGE, "--"),
    "val_loss": (VERMILION, "-"),
    "learning_rate": (INK, "-"),
}
"""Field of EpochRecord → colour and line style."""


@drawing
def curves(
    history: Sequence[EpochRecord],
    style: Literal["handstitch", "course"] = "handstitch",
    lang: Lang = "en",
) -> Figure:
    """Accuracy (fractions of 1, left) and losses (nats per sample, right) against the epoch.

    `handstitch` also shows the training accuracy, marks the best epoch and has the learning rate
    below. `course` is the course report's figure: validation accuracy on one axis, training and
    validation loss on the other. Raises ValueError for an empty history.
    """
    if not history:
        raise ValueError("empty history: no epoch to draw")
    return _course(history, lang) if style == "course" else _handstitch(history, lang)


def _handstitch(history: Sequence[EpochRecord], lang: Lang) -> Figure:
    figure = new_figure(8, 5.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    losses = upper.twinx()
    upper.set_zorder(losses.get_zorder() + 1)  # accuracy, with the best epoch, lies above
    upper.patch.set_visible(False)
    upper.grid(visible=True, axis="x")
    lower.grid(visible=True, axis="x")
    _draw(losses, history, lang, "train_loss", "val_loss")
    _draw(upper, history, lang, "train_accuracy", "val_accuracy")
    _draw(lower, history, lang, "learning_rate")
    marks = _mark_best(upper, lower, history, lang)
    if len(history) == 1:
        losses.margins(y=0.4)  # else their points would lie under those of the accuracies
    upper.set_ylabel(label("accuracy", lang), color=BLUE)
    losses.set_ylabel(label("loss", lang), color=VERMILION)
    lower.set(xlabel=label("epoch", lang), ylabel=label("learning rate", lang))
    if is_wide(rates := [record.learning_rate for record in history]):
        logarithmic(lower, "y")
    else:
        lower.set_ylim(0, 1.15 * max(rates) or 1.0)
    whole_numbers(lower.xaxis)
    pairs = zip(upper.get_lines()[: len(losses.get_lines())], losses.get_lines(), strict=True)
    figure.legend(
        handles=[*(line for pair in pairs for line in pair), *marks],
        loc="outside upper center",
        ncols=3,
    )
    return figure


def _course(history: Sequence[EpochRecord], lang: Lang) -> Figure:
    figure = new_figure(8, 4.5)
    losses = figure.subplots()
    accuracy = losses.twinx()
    _draw(losses, history, lang, "train_loss", "val_loss")
    _draw(accuracy, history, lang, "val_accuracy")
    losses.set(xlabel=label("epoch", lang), ylabel=label("loss", lang))
    accuracy.set_ylabel(label("val accuracy", lang))
    whole_numbers(losses.xaxis)
    accuracy.set_visible(is_validated(history))
    handles = [*losses.get_lines(), *accuracy.get_lines()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _draw(axes: Axes, history: Sequence[EpochRecord], lang: Lang, *names: str) -> None:
    """A line for each of these fields of EpochRecord that the epochs have."""
    for name in names:
        if name.startswith("val") and not is_validated(history):
            continue
        colour, stroke = _STYLES[name]
        values = np.array([getattr(record, name) for record in history], np.float64)
        axes.plot(
            [record.epoch for record in history],
            values,
            stroke,
            label=label(name.replace("_", " "), lang),
            color=colour,
            linewidth=1.6 if len(history) <= _MANY else 0.7,
            marker="o" if len(history) <= _FEW else "",
            markersize=3,
        )
        if not np.isfinite(values).any():
            axes.set_ylim(0, 1)


def _mark_best(
    upper: Axes, lower: Axes, history: Sequence[EpochRecord], lang: Lang
) -> list[Line2D]:
    best = best_epoch(history)
    if best is None or best.val_accuracy is None or not isfinite(best.val_accuracy):
        return []
    for axes in (upper, lower):
        axes.axvline(best.epoch, color=FAINT, linewidth=0.8, linestyle=":", zorder=1)
    return upper.plot(
        [best.epoch],
        [best.val_accuracy],
        linestyle="",
        marker="*",
        markersize=13,
        color=YELLOW,
        markeredgecolor=INK,
        zorder=5,
        label=label("best", lang, epoch=best.epoch, accuracy=best.val_accuracy),
    )
