"""handstitch show weights."""

from __future__ import annotations

from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from handstitch.cli import output, pictures
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
    from handstitch.core.parameters import Parameters
    from handstitch.insight import LayerResult, WeightsResult
    from handstitch.model.classifier import Classifier

_ABREAST: Final = 3
"""Layers beside each other in 80 columns."""
_LONGEST_LINE: Final = 100


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
    from handstitch import figures, insight, runs
    from handstitch.runs import folder as run_folder

    if data_dir is not None and not stats:
        raise UsageError(
            "weights are shown without data",
            found=f"--data-dir {data_dir} without --stats",
            wanted="--stats, which measures on images; or no --data-dir",
            fix="add --stats, or leave out --data-dir",
        )
    if out is not None and stats:
        raise UsageError(
            "statistics have no picture",
            found=f"--stats with --out {out}",
            wanted="one of them",
            fix="leave out --stats for the picture, or --out for the statistics",
        )
    target = run_folder.newest() if path is None else path
    place = pictures.place_of(target, run_folder.WEIGHTS, out)
    classifier = runs.load(target, weights)
    name = f"Model: {printable(target)}, {printable(classifier.weights)} weights"
    if stats:
        _statistics(classifier, name, data_dir, json=json)
        return
    theta, shape = classifier.model.parameters, classifier.model.image_shape
    layers = _layers(theta)
    if not json:
        print(name)
        _print(layers)
    pictures.present(
        {"path": str(target), "weights": classifier.weights, "layers": layers},
        lambda lang: figures.weights(theta, shape, insight.outgoing_norms(theta), lang),
        place,
        lang,
        asked=out is not None,
        json=json,
    )


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


def _print(layers: list[dict[str, Any]]) -> None:
    table = output.table("layer", "inputs", "outputs", "smallest", "largest", "mean", "sd")
    for number, inputs, outputs, *values in (each.values() for each in layers):
        sizes = (str(number), f"{inputs:,}", f"{outputs:,}")
        table.add_row(*sizes, *(f"{value:.4f}" for value in values))
    output.show(table)


def _statistics(classifier: Classifier, name: str, data_dir: Path | None, *, json: bool) -> None:
    """Look into the network, and print what is found."""
    from handstitch import insight

    data = insight.find_training_data(classifier.model, data_dir, output.notice)
    report = insight.weights(classifier.model, data)
    if json:
        output.emit(report)
        return
    print(f"{name} ({'-'.join(map(str, report.sizes))})")
    if report.val_accuracy is not None:
        print(
            f"Validation accuracy: {report.val_accuracy:.4f} ({report.validation_images:,} images)"
        )
    for start in range(0, len(report.layers), _ABREAST):
        layers = report.layers[start : start + _ABREAST]
        table = output.table("", *(f"layer {each.layer}" for each in layers))
        for title, cells in _rows(layers, report):
            table.add_row(title, *cells)
        output.show(table)
    print()
    width = min(get_terminal_size().columns, _LONGEST_LINE)
    for sentence in report.words:
        print(fill(sentence, width, break_on_hyphens=False))


def _rows(layers: list[LayerResult], report: WeightsResult) -> list[tuple[str, list[str]]]:
    """One row for each figure, one cell for each layer."""
    known = report.initial_weights == "confirmed"
    chance = "  of its initial weights" if known else "  of its shuffled weights"
    rows: list[tuple[str, list[str]]] = [
        ("inputs × units", [f"{each.inputs:,} × {each.outputs:,}" for each in layers]),
        ("verdict", [each.verdict for each in layers]),
        ("within ±0.1", [f"{100 * each.share_below_0_1:.1f} %" for each in layers]),
        ("  at the start", [f"{100 * each.initial_share_below_0_1:.1f} %" for each in layers]),
        ("range", [f"{each.smallest:.2f} to {each.largest:.2f}" for each in layers]),
        (
            "spread, start = 1" if known else f"spread, {report.initialization} start = 1",
            [f"{each.spread:.3f}" for each in layers],
        ),
        ("distance from start", [_number(each.distance, "{:.3f}") for each in layers]),
        ("largest bias", [f"{each.largest_bias:.2g}" for each in layers]),
        ("effective rank", [f"{each.effective_rank:.1f}" for each in layers]),
        (chance, [f"{each.baseline_rank:.1f}" for each in layers]),
        ("order, in deviations", [f"{each.score:.1f}" for each in layers]),
        ("  p, for all layers", [f"{each.p_value:.3f}" for each in layers]),
        ("  stands out", [each.statistic for each in layers]),
        ("dead units", [_number(each.dead_units, "{:,}") for each in layers]),
    ]
    if any(each.reset_accuracy is not None for each in report.layers):
        accuracies = [_number(each.reset_accuracy, "{:.4f}") for each in layers]
        rows.append(("accuracy, put back", accuracies))
    return rows


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
