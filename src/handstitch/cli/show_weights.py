"""handstitch show weights: weights of a network as a table and as pictures, or as statistics."""

from __future__ import annotations

from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from handstitch.cli import output, pictures
from handstitch.cli.flags import DataDir, Json, Language, Model, Weights
from handstitch.cli.pictures import Out
from handstitch.cli.progress import progress
from handstitch.errors import UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from handstitch.insight import LayerResult, WeightsResult
    from handstitch.model.classifier import Classifier

Statistics = Annotated[
    bool,
    Parameter(
        negative=(),
        show_default=False,
        help="did each layer learn? statistics in a table and in words",
    ),
]

_ABREAST: Final = 3
"""Layers side by side in 80 columns."""
_LONGEST_LINE: Final = 100


def weights(
    path: Model = None,
    /,
    *,
    weights: Weights = "best",
    stats: Statistics = False,
    data_dir: DataDir = None,
    out: Out = None,
    lang: Language = "en",
    json: Json = False,
) -> None:
    """Show the weights of the layers: ranges in a table, heat maps, first-layer units as images.

    With --stats: whether each layer learned or is as initialised, and which layer decides, in a
    table and in words.
    """
    from handstitch import figures, insight
    from handstitch.runs import folder as run_folder

    if data_dir is not None and not stats:
        raise UsageError(
            "--data-dir is for --stats",
            found=f"--data-dir {data_dir} without --stats",
            wanted="--stats, which measures on images; or no --data-dir",
            fix="add --stats, or omit --data-dir",
        )
    if out is not None and stats:
        raise UsageError(
            "--stats draws no picture",
            found=f"--stats with --out {out}",
            wanted="one of them",
            fix="omit --stats for the picture, or --out for the statistics",
        )
    target = run_folder.newest() if path is None else path
    picture = pictures.picture_path(target, run_folder.WEIGHTS, out)
    classifier = run_folder.load(target, weights)
    name = f"Model: {printable(target)}, {printable(classifier.weights)} weights"
    if stats:
        _statistics(classifier, name, data_dir, json=json)
        return
    model = classifier.model
    theta, shape, fields = model.parameters, model.image_shape, model.receptive_fields
    use = insight.outgoing_norms(theta)
    layers = [
        {
            "layer": number,
            "inputs": W.shape[0],
            "outputs": W.shape[1],
            "smallest": float(W.min()),
            "largest": float(W.max()),
            "mean": float(W.mean(dtype="float64")),
            "deviation": float(W.std(dtype="float64")),
        }
        for number, W in enumerate(theta.weights, 1)
    ]
    if not json:
        print(name)
        output.print_table(
            ("layer", "inputs", "outputs", "smallest", "largest", "mean", "sd"),
            (
                [f"{cell:,}" if isinstance(cell, int) else f"{cell:.4f}" for cell in layer.values()]
                for layer in layers
            ),
        )
    pictures.present(
        {"path": str(target), "weights": classifier.weights, "layers": layers},
        lambda lang: figures.weights(theta, shape, use, lang, fields=fields),
        picture,
        lang,
        asked=out is not None,
        json=json,
    )


def _statistics(classifier: Classifier, name: str, data_dir: Path | None, *, json: bool) -> None:
    """Print the statistics of the weights, and what they mean."""
    from handstitch import insight

    with progress("Statistics of the weights"):
        parts = insight.find_training_data(classifier.model, data_dir)
        result = insight.weights(classifier.model, *parts)
    if json:
        output.print_json(result)
        return
    print(f"{name} ({'-'.join(map(str, result.sizes))})")
    if result.val_accuracy is not None:
        print(
            f"Validation accuracy: {result.val_accuracy:.4f} ({result.validation_images:,} images)"
        )
    rows = _rows(result)
    for start in range(0, len(result.layers), _ABREAST):
        shown = result.layers[start : start + _ABREAST]
        output.print_table(
            ("", *(f"layer {layer.layer}" for layer in shown)),
            ((title, *(form(layer) for layer in shown)) for title, form in rows.items()),
        )
    print()
    width = min(get_terminal_size().columns, _LONGEST_LINE)
    for sentence in result.words:
        print(fill(sentence, width, break_on_hyphens=False))


def _rows(result: WeightsResult) -> dict[str, Callable[[LayerResult], str]]:
    """Title of a row → its cell for a layer."""
    is_known = result.initial_weights == "confirmed"
    rows: dict[str, Callable[[LayerResult], str]] = {
        "inputs × units": lambda layer: f"{layer.inputs:,} × {layer.outputs:,}",
        "verdict": lambda layer: layer.verdict,
        "within ±0.1": lambda layer: f"{100 * layer.share_below_0_1:.1f} %",
        "  at the start": lambda layer: f"{100 * layer.initial_share_below_0_1:.1f} %",
        "range": lambda layer: f"{layer.smallest:.2f} to {layer.largest:.2f}",
        "sd / initial sd" if is_known else f"sd / sd of {result.initialization}": lambda layer: (
            f"{layer.spread:.3f}"
        ),
        "distance from start": lambda layer: _number(layer.distance, ".3f"),
        "largest bias": lambda layer: f"{layer.largest_bias:.2g}",
        "effective rank": lambda layer: f"{layer.effective_rank:.1f}",
        f"  of its {'initial' if is_known else 'shuffled'} weights": lambda layer: (
            f"{layer.baseline_rank:.1f}"
        ),
        "order score (sd)": lambda layer: f"{layer.score:.1f}",
        "  p, family-wise": lambda layer: f"{layer.p_value:.3f}",
        "  strongest statistic": lambda layer: layer.statistic,
        "dead units": lambda layer: _number(layer.dead_units, ","),
    }
    if any(layer.reset_accuracy is not None for layer in result.layers):
        rows["accuracy if reset"] = lambda layer: _number(layer.reset_accuracy, ".4f")
    return rows


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
