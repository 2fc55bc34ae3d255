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
from handstitch.errors import UsageError, printable

if TYPE_CHECKING:
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
    from handstitch import figures, insight, runs
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
    classifier = runs.load(target, weights)
    name = f"Model: {printable(target)}, {printable(classifier.weights)} weights"
    if stats:
        _statistics(classifier, name, data_dir, json=json)
        return
    theta, shape = classifier.model.parameters, classifier.model.image_shape
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
        heads = ("layer", "inputs", "outputs", "smallest", "largest", "mean", "sd")
        rows = (
            [f"{value:,}" if isinstance(value, int) else f"{value:.4f}" for value in layer.values()]
            for layer in layers
        )
        output.show(output.table(heads, rows))
    pictures.present(
        {"path": str(target), "weights": classifier.weights, "layers": layers},
        lambda lang: figures.weights(theta, shape, insight.outgoing_norms(theta), lang),
        picture,
        lang,
        asked=out is not None,
        json=json,
    )


def _statistics(classifier: Classifier, name: str, data_dir: Path | None, *, json: bool) -> None:
    """Print the statistics of the weights, and what they mean."""
    from handstitch import insight

    data = insight.find_training_data(classifier.model, data_dir)
    result = insight.weights(classifier.model, data)
    if json:
        output.print_json(result)
        return
    print(f"{name} ({'-'.join(map(str, result.sizes))})")
    if result.val_accuracy is not None:
        print(
            f"Validation accuracy: {result.val_accuracy:.4f} ({result.validation_images:,} images)"
        )
    for start in range(0, len(result.layers), _ABREAST):
        layers = result.layers[start : start + _ABREAST]
        heads = ("", *(f"layer {layer.layer}" for layer in layers))
        rows = ((title, *cells) for title, cells in _rows(layers, result))
        output.show(output.table(heads, rows))
    print()
    width = min(get_terminal_size().columns, _LONGEST_LINE)
    for sentence in result.words:
        print(fill(sentence, width, break_on_hyphens=False))


def _rows(layers: list[LayerResult], result: WeightsResult) -> list[tuple[str, list[str]]]:
    """Rows (title, a cell for each layer)."""
    is_known = result.initial_weights == "confirmed"
    baseline = "  of its initial weights" if is_known else "  of its shuffled weights"
    rows: list[tuple[str, list[str]]] = [
        ("inputs × units", [f"{layer.inputs:,} × {layer.outputs:,}" for layer in layers]),
        ("verdict", [layer.verdict for layer in layers]),
        ("within ±0.1", [f"{100 * layer.share_below_0_1:.1f} %" for layer in layers]),
        ("  at the start", [f"{100 * layer.initial_share_below_0_1:.1f} %" for layer in layers]),
        ("range", [f"{layer.smallest:.2f} to {layer.largest:.2f}" for layer in layers]),
        (
            "sd / initial sd" if is_known else f"sd / sd of {result.initialization}",
            [f"{layer.spread:.3f}" for layer in layers],
        ),
        ("distance from start", [_number(layer.distance, "{:.3f}") for layer in layers]),
        ("largest bias", [f"{layer.largest_bias:.2g}" for layer in layers]),
        ("effective rank", [f"{layer.effective_rank:.1f}" for layer in layers]),
        (baseline, [f"{layer.baseline_rank:.1f}" for layer in layers]),
        ("order score (sd)", [f"{layer.score:.1f}" for layer in layers]),
        ("  p, family-wise", [f"{layer.p_value:.3f}" for layer in layers]),
        ("  strongest statistic", [layer.statistic for layer in layers]),
        ("dead units", [_number(layer.dead_units, "{:,}") for layer in layers]),
    ]
    if any(layer.reset_accuracy is not None for layer in result.layers):
        rows.append(
            ("accuracy if reset", [_number(layer.reset_accuracy, "{:.4f}") for layer in layers])
        )
    return rows


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
