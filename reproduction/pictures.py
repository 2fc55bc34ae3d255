"""Figures of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handstitch.figures.rendering import drawing
from handstitch.figures.search import accuracies, setting_curves
from handstitch.figures.search_space import heat_map
from handstitch.figures.style import BLUE, SKY, VERMILION, new_figure, whole_numbers
from handstitch.records import EpochRecord
from handstitch.search import rank
from reproduction import published
from reproduction.experiments import Stages
from reproduction.grid import curves
from reproduction.repeated import Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(stages: Stages) -> dict[str, Figure]:
    """Name → figure."""
    grid = rank(stages.grid, "last").settings
    histories: dict[int, list[list[EpochRecord]]] = {}
    for trial in stages.grid:
        histories.setdefault(trial.setting, []).append(trial.history)
    figures = {
        "grid": heat_map(grid, ("learning_rate", "weight_decay")),
        "curves": setting_curves(grid, histories),
        "repeated": repeated_runs(stages.runs),
    }
    for name, trials, parameter in (
        ("rates", stages.rates, "learning_rate"),
        ("networks", stages.networks, "hidden_sizes"),
        ("decays", stages.decays, "weight_decay"),
    ):
        figures[name] = accuracies(rank(trials, "last").settings, [parameter])
    return figures


@drawing
def repeated_runs(runs: Runs) -> Figure:
    """Validation accuracy and loss of the repeated runs, their mean, and the report's run."""
    report = published.repeated_run()
    figure = new_figure(9.4, 4.0)
    panels = figure.subplots(1, 2)
    fields = {"val_accuracy": "validation accuracy", "val_loss": "validation loss"}
    for axes, (field, label) in zip(panels, fields.items(), strict=True):
        table = curves([run.history for run in runs], field)
        epochs = range(1, table.shape[1] + 1)
        first, *_ = axes.plot(epochs, table.T, color=SKY, linewidth=0.9)
        first.set_label("one seed")
        axes.plot(epochs, table.mean(axis=0), color=BLUE, linewidth=2.2, label="mean")
        axes.plot(
            report["epoch"],
            report[field],
            "--o",
            color=VERMILION,
            markersize=3.5,
            label="the report",
        )
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.grid(visible=True)
        whole_numbers(axes.xaxis)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
