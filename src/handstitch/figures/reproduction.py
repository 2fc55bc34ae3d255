"""The report's repeated run among ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from handstitch.figures.labels import Lang, say
from handstitch.figures.rendering import drawing
from handstitch.figures.style import BLUE, SKY, VERMILION, new_figure, whole_numbers
from handstitch.records import EpochRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@drawing
def repeated_runs(
    histories: Sequence[Sequence[EpochRecord]], report: Sequence[EpochRecord], lang: Lang = "en"
) -> Figure:
    """Validation accuracy and loss of several runs, their mean, and the report's run."""
    figure = new_figure(9.4, 4.0)
    panels = figure.subplots(1, 2)
    fields = (("val_accuracy", "val accuracy"), ("val_loss", "val loss"))
    for axes, (field, key) in zip(panels, fields, strict=True):
        epochs = [record.epoch for record in histories[0]]
        table = np.array([[getattr(record, field) for record in each] for each in histories])
        for number, row in enumerate(table):
            label = say("one seed", lang) if number == 0 else None
            axes.plot(epochs, row, color=SKY, linewidth=0.9, label=label)
        axes.plot(epochs, table.mean(axis=0), color=BLUE, linewidth=2.2, label=say("mean", lang))
        axes.plot(
            [record.epoch for record in report],
            [getattr(record, field) for record in report],
            "--o",
            color=VERMILION,
            markersize=3.5,
            label=say("the report", lang),
        )
        axes.set_xlabel(say("epoch", lang))
        axes.set_ylabel(say(key, lang))
        axes.grid(visible=True)
        whole_numbers(axes.xaxis)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure
