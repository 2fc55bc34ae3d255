"""Figure of a learning-rate range test: the loss against the rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handstitch.figures.labels import Lang, label
from handstitch.figures.rendering import drawing
from handstitch.figures.style import BLUE, FAINT, GREEN, VERMILION, logarithmic, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from handstitch.training.rate_test import RangeTest


@drawing
def rate_test(test: RangeTest, lang: Lang = "en") -> Figure:
    """Mean loss (nats) against the learning rate, logarithmic, with the three rates marked."""
    figure = new_figure(8, 4.2)
    axes = figure.subplots()
    axes.plot(test.rates, test.losses, color=BLUE)
    for name, rate, colour, stroke in (
        ("steepest", test.steepest, FAINT, ":"),
        ("suggested", test.suggestion, GREEN, "-"),
        ("lowest", test.lowest, VERMILION, "--"),
    ):
        axes.axvline(rate, color=colour, linestyle=stroke, label=f"{label(name, lang)}: {rate:.2g}")
    logarithmic(axes, "x")
    axes.grid(visible=True)
    axes.set(xlabel=label("learning rate", lang), ylabel=label("train loss", lang))
    figure.legend(loc="outside upper center", ncols=3)
    return figure
