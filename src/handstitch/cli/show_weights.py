"""handstitch show weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from handstitch.cli import console, pictures
from handstitch.cli.flags import DataDir, Json
from handstitch.cli.pictures import Language, Out, Shown
from handstitch.cli.test import Weights
from handstitch.errors import UsageError, printable

Statistics = Annotated[
    bool,
    Parameter(
        negative=(), show_default=False, help="did it learn? statistics in a table and in words"
    ),
]

if TYPE_CHECKING:
    from handstitch.arrays import Vector
    from handstitch.core.parameters import Parameters


def weights(
    path: Shown = None,
    /,
    *,
    weights: Weights = "best",
    stats: Statistics = False,
    data_dir: DataDir = None,
    out: Out = None,
    lang: Language = "en",
    json: Json = False,
) -> None:
    """Show what each layer's weights are, as a table, as maps, and the first layer as pictures.

    With --stats: whether each layer learned or is as initialised, which layer decides, and how
    that is known, in a table and in words.
    """
    from handstitch import figures, run_folder, runs

    if stats:
        _statistics(path, weights, data_dir, out, json)
        return
    if data_dir is not None:
        raise UsageError(
            "weights are shown without data",
            found=f"--data-dir {data_dir} without --stats",
            wanted="--stats, which measures on images; or no --data-dir",
            fix="add --stats, or leave out --data-dir",
        )
    target = run_folder.newest() if path is None else path
    place = pictures.place_of(target, run_folder.WEIGHTS, out)
    classifier = runs.load(target, weights)
    theta = classifier.model.parameters
    layers = _layers(theta)
    if not json:
        _print(layers, target, classifier.weights)
    picture = pictures.write(
        lambda lang: figures.weights(theta, classifier.model.image_shape, _use(theta), lang),
        place,
        lang,
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


def _statistics(
    path: Path | None,
    which: Literal["best", "last"],
    data_dir: Path | None,
    out: Path | None,
    json: bool,
) -> None:
    from handstitch.cli.weights_statistics import statistics

    if out is not None:
        raise UsageError(
            "statistics have no picture",
            found=f"--stats with --out {out}",
            wanted="one of them",
            fix="leave out --stats for the picture, or --out for the statistics",
        )
    statistics(path, which, data_dir, json)


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
