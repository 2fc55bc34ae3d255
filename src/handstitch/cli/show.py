"""handstitch show: what is in a run, a model file or a search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from handstitch.cli.flags import DataDir, Json
from handstitch.cli.test import Model, Weights

app = App(name="show", help="Show what is in a run, a model file or a search.")


@app.default
def show(
    path: Annotated[Path, Parameter(help="folder of a search")],
    /,
    *,
    by: Annotated[
        Literal["best", "last"], Parameter(help="rank by each trial's best epoch, or by its last")
    ] = "best",
    json: Json = False,
) -> None:
    """Show what a search found: its settings in order, what can be told of them, pictures."""
    from handstitch.cli.show_search import show_search

    show_search(path, by, json=json)


@app.command
def weights(
    path: Model = None,
    /,
    *,
    stats: Annotated[  # noqa: ARG001 (there is nothing else to show of them)
        bool, Parameter(negative=(), show_default=False, help="statistics in a table and in words")
    ] = True,
    weights: Weights = "best",
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Say of each layer whether it learned or is as initialised (--stats)."""
    from handstitch.cli.weights_statistics import statistics

    statistics(path, weights, data_dir, json)
