"""What the weights of the presets say after training on the real data: tables of docs/insight.md.

    .venv/bin/python bench/weights.py --seeds 3

Each figure is the mean over the seeds, of the weights that validation chose.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import handstitch
from handstitch import insight, machine
from handstitch.config import Config
from handstitch.insight import LayerResult, WeightsResult

PRESETS = ("default", "course")


def analyse(preset: str, seed: int, folder: Path) -> WeightsResult:
    """Train one preset with one seed and analyse its weights."""
    config = Config.preset(preset, seed=seed, dataset="fashion-mnist", threads=1)
    run = handstitch.train(config, out=folder / f"{preset}-{seed}")
    model = handstitch.load(run.folder).model
    result = insight.weights(model, *insight.find_training_data(model))
    print(preset, seed, result.words[-2], file=sys.stderr, flush=True)
    return result


def table(results: list[WeightsResult]) -> str:
    """Rows of figures, a column for each layer, means over the seeds."""

    def mean(form: str, figure: Callable[[LayerResult], float]) -> Callable[[int], str]:
        def cell(layer: int) -> str:
            return form.format(statistics.mean(figure(each.layers[layer]) for each in results))

        return cell

    def common(layer: int) -> str:
        counted = Counter(each.layers[layer].statistic for each in results)
        return ", ".join(f"{name} {count}" for name, count in counted.most_common())

    rows: dict[str, Callable[[int], str]] = {
        "share within ±0.1": mean("{:.3f}", lambda each: each.share_below_0_1),
        "the same at the start": mean("{:.3f}", lambda each: each.initial_share_below_0_1),
        "smallest weight": mean("{:.2f}", lambda each: each.smallest),
        "largest weight": mean("{:.2f}", lambda each: each.largest),
        "spread, start = 1": mean("{:.3f}", lambda each: each.spread),
        "distance from the start": mean("{:.3f}", lambda each: each.distance or 0),
        "effective rank": mean("{:.1f}", lambda each: each.effective_rank),
        "the same of the initial weights": mean("{:.1f}", lambda each: each.baseline_rank),
        "order, in deviations": mean("{:.0f}", lambda each: each.score),
        "what stands out, in how many seeds": common,
        "order of rows alone (stripes)": mean("{:.1f}", lambda each: each.scores["rows"]),
        "dead units": mean("{:.1f}", lambda each: each.dead_units or 0),
        "validation accuracy if reset": mean("{:.3f}", lambda each: each.reset_accuracy or 0),
    }
    layers = range(len(results[0].layers))
    lines = ["| | " + " | ".join(f"layer {layer + 1}" for layer in layers) + " |"]
    lines.append("|---|" + "---|" * len(layers))
    for name, cell in rows.items():
        lines.append(f"| {name} | " + " | ".join(cell(layer) for layer in layers) + " |")
    accuracy = statistics.mean(each.val_accuracy or 0 for each in results)
    decisive = Counter(each.decisive_layer for each in results)
    lines += ["", f"Validation accuracy {accuracy:.3f}; decisive layer: {dict(decisive)}."]
    return "\n".join(lines)


def main() -> None:
    """Train all presets and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--presets", nargs="+", default=PRESETS)
    chosen = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in machine.build_info().items()))
    with tempfile.TemporaryDirectory() as folder:
        for preset in chosen.presets:
            results = [analyse(preset, seed, Path(folder)) for seed in range(chosen.seeds)]
            print(f"\n## `{preset}`, {chosen.seeds} seeds\n\n{table(results)}", flush=True)


if __name__ == "__main__":
    main()
