"""What `handstitch show weights --stats` prints."""

from __future__ import annotations

from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Literal

from handstitch.cli import console

if TYPE_CHECKING:
    from handstitch.insight import LayerFindings, WeightsReport

_ABREAST = 3
"""Layers beside each other in 80 columns."""
_LONGEST_LINE = 100


def statistics(
    path: Path | None, weights: Literal["best", "last"], data_dir: Path | None, json: bool
) -> None:
    """Look into the network at `path`, or of the newest run, and print what is found."""
    from handstitch import insight, run_folder, runs

    target = run_folder.newest() if path is None else path
    classifier = runs.load(target, weights)
    data = insight.data_at_hand(classifier.model, data_dir, console.notice)
    report = insight.weights(classifier.model, data)
    if json:
        console.emit(report)
        return
    _print(report, target, classifier.weights)


def _print(report: WeightsReport, target: Path, weights: str) -> None:
    from handstitch.errors import printable

    chain = "-".join(map(str, report.sizes))
    print(f"Model: {printable(target)}, {printable(weights)} weights ({chain})")
    if report.val_accuracy is not None:
        print(
            f"Validation accuracy: {report.val_accuracy:.4f} ({report.validation_images:,} images)"
        )
    for start in range(0, len(report.layers), _ABREAST):
        layers = report.layers[start : start + _ABREAST]
        table = console.table("", *(f"layer {each.layer}" for each in layers))
        for name, cells in _rows(layers, report):
            table.add_row(name, *cells)
        console.show(table)
    print()
    width = min(get_terminal_size().columns, _LONGEST_LINE)
    for sentence in report.words:
        print(fill(sentence, width, break_on_hyphens=False))


def _rows(layers: list[LayerFindings], report: WeightsReport) -> list[tuple[str, list[str]]]:
    """One row for each figure, one cell for each layer."""
    known = report.initial_weights == "confirmed"
    chance = "  of its initial weights" if known else "  of its shuffled weights"
    rows: list[tuple[str, list[str]]] = [
        ("inputs × units", [f"{each.inputs:,} × {each.outputs:,}" for each in layers]),
        ("verdict", [each.verdict for each in layers]),
        ("within ±0.1", [_share(each.within_tenth) for each in layers]),
        ("  at the start", [_share(each.within_tenth_initially) for each in layers]),
        ("range", [f"{each.smallest:.2f} to {each.largest:.2f}" for each in layers]),
        (
            "spread, start = 1" if known else f"spread, {report.initialization} start = 1",
            [f"{each.spread:.3f}" for each in layers],
        ),
        ("distance from start", [_number(each.distance, "{:.3f}") for each in layers]),
        ("largest bias", [f"{each.largest_bias:.2g}" for each in layers]),
        ("effective rank", [f"{each.effective_rank:.1f}" for each in layers]),
        (chance, [f"{each.effective_rank_of_chance:.1f}" for each in layers]),
        ("order, in deviations", [f"{each.score:.1f}" for each in layers]),
        ("  p, for all layers", [f"{each.p_value:.3f}" for each in layers]),
        ("  stands out", [each.statistic for each in layers]),
        ("dead units", [_number(each.dead_units, "{:,}") for each in layers]),
    ]
    if any(each.accuracy_put_back is not None for each in report.layers):
        accuracies = [_number(each.accuracy_put_back, "{:.4f}") for each in layers]
        rows.append(("accuracy, put back", accuracies))
    return rows


def _share(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
