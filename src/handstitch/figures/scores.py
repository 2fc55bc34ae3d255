"""Class scores and reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import TYPE_CHECKING, Final

import numpy as np

from handstitch.evaluation import calibration_error, wilson_interval
from handstitch.figures.canvas import (
    SMALL,
    TEXT,
    canvas,
    panel,
    percentages,
    points,
    text_width,
    write,
)
from handstitch.figures.labels import Lang, label, safe
from handstitch.figures.rendering import drawing
from handstitch.figures.style import BLUE, FAINT, SKY, VERMILION, whole_numbers
from handstitch.records import CalibrationBin, ClassScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CLASSES: Final = 30
"""Rows of class scores, at most: those with the lowest F1."""
_MARKS: Final = (("precision", VERMILION, "D", -4), ("recall", BLUE, "o", 4))
"""Score, colour, mark, and pixels below the middle of its row."""


@drawing
def class_scores(scores: Sequence[ClassScore], lang: Lang = "en", width: float = 680) -> Figure:
    """Precision and recall of each class as dots with 95 % intervals, the lowest F1 first.

    Names stand left of the dots, below 600 pixels above them. Of many classes those with the
    lowest F1 are drawn.
    """
    shown = sorted(scores, key=lambda score: score.f1)[:_CLASSES]
    is_narrow = width < 600
    room = width - 60 if is_narrow else 0.36 * width
    names = [safe(score.name, max(4, int(room / text_width("x")))) for score in shown]
    left = 18 if is_narrow else 14 + max(map(text_width, names))
    notes = [label("with interval", lang)]
    if len(shown) < len(scores):
        notes.append(label("lowest classes", lang, shown=len(shown), classes=len(scores)))
    pitch, top = (46 if is_narrow else 30), 36 + 18 * len(notes)
    figure = canvas(width, top + pitch * len(shown) + 40)
    axes = panel(figure, left, top, width - left - 64, pitch * len(shown))
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    start = 0.0
    for key, colour, mark, below in _MARKS:
        write(figure, start, 16, label(key, lang), color=colour, fontweight="bold")
        start += text_width(label(key, lang)) + 18
        _dots(axes, shown, key, colour=colour, mark=mark, below=below / pitch)
    for line, note in enumerate(notes):
        write(figure, 0, 34 + 18 * line, note, SMALL, color=FAINT)
    write(figure, width - 4, top - 6, label("f1", lang), SMALL, color=FAINT, ha="right")
    for place, (score, name) in enumerate(zip(shown, names, strict=True)):
        middle = top + pitch * (place + 0.5)
        above = middle - 11 if is_narrow else middle + 5
        start, side = (0.0, "left") if is_narrow else (left - 14, "right")
        write(figure, start, above, name, ha=side)
        write(figure, width - 4, middle + 5, f"{score.f1:.3f}", ha="right")
    lowest_end = min(axes.dataLim.x0, 0.95)
    axes.set_xlim(max(0.0, floor(20 * lowest_end) / 20), 1)
    axes.set(ylim=(len(shown) - 0.5, -0.5), yticks=[])
    percentages(axes.xaxis, 4 if is_narrow else 6)
    return figure


def _dots(
    axes: Axes, scores: Sequence[ClassScore], key: str, *, colour: str, mark: str, below: float
) -> None:
    """A dot for each class, with the Wilson interval of its score."""
    values = [getattr(score, key) for score in scores]
    places = np.arange(len(scores)) + below
    if scores:
        axes.hlines(
            places, *np.transpose([_interval(score, key) for score in scores]),
            color=colour, linewidth=points(1.5), alpha=0.6,
        )  # fmt: skip
    axes.plot(
        values, places, linestyle="", marker=mark, markersize=points(8 if mark == "o" else 7),
        color=colour, markeredgewidth=0, clip_on=False, label=label(key, "en"),
    )  # fmt: skip


def _interval(score: ClassScore, key: str) -> tuple[float, float]:
    found = round(score.recall * score.support)
    of = score.support
    if key == "precision":
        of = round(found / score.precision) if score.precision else 0
    return wilson_interval(found, of)


@drawing
def reliability(
    bins: Sequence[CalibrationBin], temperature: float = 1.0, lang: Lang = "en", width: float = 340
) -> Figure:
    """Reliability diagram: accuracy against confidence in bins, with the images in each bin.

    On the diagonal a network is calibrated, below it overconfident (arXiv:1706.04599). The heading
    has the temperature of the probabilities and the expected calibration error.
    """
    left, top = 48.0, 70.0
    side = width - left - 26
    figure = canvas(width, top + side + 140)
    upper = panel(figure, left, top, side, side)
    lower = panel(figure, left, top + side + 42, side, 54, sharex=upper)
    heading = label("reliability", lang, temperature=temperature)
    write(figure, 0, 16, heading, TEXT + 1, fontweight="bold")
    error = label("calibration error", lang, error=calibration_error(bins))
    write(figure, 0, 34, error, SMALL, color=FAINT)
    write(figure, 0, 57, label("accuracy", lang), SMALL, color=FAINT)
    write(figure, 0, top + side + 34, label("images", lang), SMALL, color=FAINT)
    filled = [bar for bar in bins if bar.count]
    upper.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=points(1.2))
    for key, x, y, side_of in (
        ("underconfident", 0.04, 0.93, "left"),
        ("overconfident", 0.96, 0.05, "right"),
    ):
        upper.text(x, y, label(key, lang), fontsize=points(SMALL), color=FAINT, ha=side_of)
    if filled:
        accuracies = [bar.accuracy for bar in filled]
        ranges = [wilson_interval(round(bar.accuracy * bar.count), bar.count) for bar in filled]
        confidences = [bar.confidence for bar in filled]
        upper.vlines(
            confidences, *np.transpose(ranges), color=BLUE, linewidth=points(1.5), alpha=0.6
        )
        upper.plot(
            confidences, accuracies, linestyle="", marker="o", color=BLUE, markersize=points(7),
            markeredgewidth=0, clip_on=False,
        )  # fmt: skip
        lower.bar(
            [bar.low for bar in filled], [bar.count for bar in filled],
            width=[bar.high - bar.low for bar in filled], align="edge", color=SKY,
            edgecolor="white", linewidth=points(1),
        )  # fmt: skip
    upper.set(xlim=(0, 1), ylim=(0, 1))
    percentages(upper.yaxis, 5)
    percentages(upper.xaxis, 5)
    upper.tick_params(axis="x", labelbottom=False)
    lower.set_xlabel(label("confidence", lang), fontsize=points(SMALL), color=FAINT)
    whole_numbers(lower.yaxis, 3)
    return figure
