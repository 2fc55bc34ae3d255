"""handstitch show weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from handstitch.cli import console, pictures
from handstitch.cli.flags import DataDir, Json
from handstitch.cli.pictures import Language, Out, Shown
from handstitch.cli.test import Weights
from handstitch.errors import printable

if TYPE_CHECKING:
    from handstitch.arrays import Vector
    from handstitch.core.parameters import Parameters


def weights(
    path: Shown = None,
    /,
    *,
    weights: Weights = "best",
    stats: Annotated[
        bool,
        Parameter(help="say of each layer whether it learned", negative=(), show_default=False),
    ] = False,
    out: Out = None,
    lang: Language = "en",
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show what each layer's weights are, as a table, as maps, and the first layer as pictures.

    With --stats: whether each layer learned or is as initialised, in a table and in words.
    """
    if stats:
        from handstitch.cli.weights_statistics import statistics

        statistics(path, weights, data_dir, json)
        return
    from handstitch import figures, run_folder, runs

    target = run_folder.newest() if path is None else path
    place = pictures.place_of(target, run_folder.WEIGHTS, out)
    classifier = runs.load(target, weights)
    theta = classifier.model.parameters
    layers = _layers(theta)
    if not json:
        _print(layers, target, classifier.weights)
    picture = pictures.write(
        lambda: figures.weights(theta, classifier.model.image_shape, _use(theta), lang),
        place,
        asked=out is not None,
    )
    if json:
        console.emit(
            {
                "path": str(target),
                "weights": classifier.weights,
                "picture": picture and str(picture),
                "layers": layers,
            }
        )
    else:
        pictures.say(picture)


def _use(theta: Parameters) -> Vector | None:
    """How much each first-layer unit can matter: the norm of its outgoing weights."""
    import numpy as np

    if len(theta.weights) == 1:
        return None
    norms: Vector = np.linalg.norm(theta.weights[1], axis=1)
    return norms


def _layers(theta: Parameters) -> list[dict[str, Any]]:
    import numpy as np

    return [
        {
            "layer": number,
            "inputs": W.shape[0],
            "outputs": W.shape[1],
            "smallest": float(W.min()),
            "largest": float(W.max()),
            "mean": float(W.mean(dtype=np.float64)),
            "deviation": float(W.std(dtype=np.float64)),
        }
        for number, W in enumerate(theta.weights, 1)
    ]


def _print(layers: list[dict[str, Any]], target: Path, which: str) -> None:
    table = console.table("layer", "inputs", "outputs", "smallest", "largest", "mean", "sd")
    for layer in layers:
        table.add_row(
            str(layer["layer"]),
            f"{layer['inputs']:,}",
            f"{layer['outputs']:,}",
            *(f"{layer[name]:.4f}" for name in ("smallest", "largest", "mean", "deviation")),
        )
    print(f"Model: {printable(target)}, {which} weights")
    console.show(table)
