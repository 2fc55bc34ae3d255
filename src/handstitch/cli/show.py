"""handstitch show: weights."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from handstitch.cli.flags import DataDir, Json
from handstitch.cli.test import Model, Weights

app = App(name="show", help="Show what is in a run or a model file.")


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
