"""Confusion matrix, class scores and reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from handstitch.evaluation import calibration_error, wilson_interval
from handstitch.figures.labels import Lang, label, safe
from handstitch.figures.rendering import drawing
from handstitch.figures.style import (
    BLUE,
    FAINT,
    INK,
    SKY,
    VERMILION,
    new_figure,
    whole_numbers,
)
from handstitch.records import CalibrationBin, ClassScore

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NUMBERED: Final = 20
"""Classes up to which the cells of a confusion matrix show their counts."""
_ROOMY: Final = 30
"""Classes up to which rows have the height of a normal line of text."""


@drawing
def confusion_matrix(
    matrix: list[list[int]], class_names: Sequence[str], lang: Lang = "en"
) -> Figure:
    """Counts (row: true class, column: predicted class), shaded by their share of the row.

    The shade follows the square root of the share, so that rare mistakes are visible too.
    """
    from matplotlib.colors import PowerNorm

    counts = np.array(matrix, np.int64)
    n = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [safe(name, 20) for name in class_names]
    side = float(np.clip(0.52 * n, 3.2, max(10.5, 0.14 * n)))
    figure = new_figure(side + 2.4, side + 1.6)
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="none")
    size = float(np.clip(9 - 0.06 * n, 4, 8.5))
    axes.set_xticks(range(n), labels, rotation=90 if n > _NUMBERED else 45, ha="right",
                    va="center" if n > _NUMBERED else "top", rotation_mode="anchor",
                    fontsize=size)  # fmt: skip
    axes.set_yticks(range(n), labels, fontsize=size)
    axes.tick_params(length=0)
    axes.set(
        xlabel=label("predicted", lang), ylabel=label("true", lang), title=label("confusion", lang)
    )
    if n <= _NUMBERED:
        fitting = min(size, 40 / len(f"{counts.max(initial=0):,}"))  # the largest number fits
        for (row, column), share in np.ndenumerate(shares):
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}",
                ha="center",
                va="center",
                fontsize=fitting,
                color="white" if share > 0.4 else INK if counts[row, column] else "#999999",
            )
    figure.colorbar(picture, ax=axes, shrink=0.8, label=label("share of true", lang)).set_ticks(
        [0, 0.01, 0.05, 0.1, 0.25, 0.5, 1],
        labels=["0", "1 %", "5 %", "10 %", "25 %", "50 %", "100 %"],
    )
    return figure


@drawing
def class_scores(scores: Sequence[ClassScore], lang: Lang = "en") -> Figure:
    """F1 of each class as a bar, with precision and recall as marks on it."""
    n = len(scores)
    row, size, mark = (0.3, 8.5, 6) if n <= _ROOMY else (0.17, 6.5, 4)
    figure = new_figure(7.5, row * n + 1.4)
    axes = figure.subplots()
    places = range(n)
    axes.barh(
        places,
        [score.f1 for score in scores],
        height=0.72,
        color=SKY,
        alpha=0.55,
        label=label("f1", lang),
    )
    for key, colour, marker in (("precision", BLUE, ">"), ("recall", VERMILION, "<")):
        axes.plot(
            [getattr(score, key) for score in scores], places, linestyle="", marker=marker,
            markersize=mark, color=colour, markeredgecolor="white", markeredgewidth=0.5,
            label=label(key, lang), clip_on=False,
        )  # fmt: skip
    for place, score in enumerate(scores):
        axes.text(1.03, place, f"{score.f1:.3f}", va="center", fontsize=size, color=INK)
    axes.set_yticks(places, [safe(score.name, 24) for score in scores], fontsize=size)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)
    axes.set(
        xlim=(0, 1), ylim=(n - 0.4, -0.6), xlabel=label("score", lang),
        ylabel=label("true", lang), title=label("scores", lang),
    )  # fmt: skip
    axes.text(1.03, -0.85, label("f1", lang), va="center", fontsize=size, color=FAINT)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@drawing
def reliability(
    bins: Sequence[CalibrationBin], temperature: float = 1.0, lang: Lang = "en"
) -> Figure:
    """Reliability diagram: accuracy against confidence in bins, with the images in each bin.

    On the diagonal a network is calibrated, below it overconfident (arXiv:1706.04599). The title
    has the expected calibration error and the temperature of the probabilities.
    """
    figure = new_figure(5.6, 5.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
    filled = [bar for bar in bins if bar.count]
    accuracies = [bar.accuracy for bar in filled]
    for axes, heights in ((upper, accuracies), (lower, [bar.count for bar in filled])):
        axes.bar(
            [bar.low for bar in filled],
            heights,
            width=[bar.high - bar.low for bar in filled],
            align="edge",
            color=SKY,
            alpha=0.45,
            edgecolor="white",
        )
    upper.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=1, label=label("perfect", lang))
    if filled:
        ranges = [wilson_interval(round(bar.accuracy * bar.count), bar.count) for bar in filled]
        upper.errorbar(
            [bar.confidence for bar in filled],
            accuracies,
            yerr=np.abs(np.transpose(ranges) - accuracies),
            fmt="o",
            color=BLUE,
            markersize=4,
            capsize=2,
            linewidth=1,
            label=label("observed", lang),
            clip_on=False,
        )
    upper.set(
        xlim=(0, 1), ylim=(0, 1), ylabel=label("accuracy", lang),
        title=label("reliability", lang, error=calibration_error(bins), temperature=temperature),
    )  # fmt: skip
    lower.set(xlabel=label("confidence", lang), ylabel=label("images", lang))
    whole_numbers(lower.yaxis, 3)
    upper.legend(loc="upper left")
    return figure
