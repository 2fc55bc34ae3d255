"""The figure of docs/benchmarks.md: python bench/figure.py benchmarks.json benchmarks.png."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = {
    "Handstitch": "#0072B2",
    "numpy backend": "#56B4E9",
    "JAX": "#009E73",
    "PyTorch": "#D55E00",
    "torch.compile": "#E69F00",
    "scikit-learn": "#CC79A7",
    "the course report's way": "#999999",
}


def main() -> None:
    """Bars of an epoch on the left, growth on the right."""
    found = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    bars, lines = figure.subplots(1, 2, width_ratios=(1.5, 1))
    draw_epochs(bars, found.get("epoch", {}))
    draw_growth(lines, found.get("growth", {}).get("width", {}))
    figure.savefig(sys.argv[2], dpi=130)


def draw_epochs(axes: Axes, found: dict[str, Any]) -> None:
    """One group a batch size, one bar a peer."""
    width = 0.8 / len(COLOURS)
    for number, (peer, colour) in enumerate(COLOURS.items()):
        at = [group + number * width for group in range(len(found))]
        heights = [each[peer]["seconds"] for each in found.values()]
        axes.bar(at, heights, width, color=colour, label=peer)
    axes.set_xticks([group + 0.4 - width / 2 for group in range(len(found))], list(found))
    axes.set(xlabel="batch size", ylabel="seconds per epoch", title="One epoch, 54,000 images")
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def draw_growth(axes: Axes, found: dict[str, dict[str, float]]) -> None:
    """Both axes logarithmic."""
    for peer, each in found.items():
        widths = [int(width) for width in each]
        axes.loglog(widths, list(each.values()), "o-", color=COLOURS[peer], label=peer)
    widest = max(found.values(), key=len, default={})
    axes.set_xticks([int(width) for width in widest], list(widest), minor=False)
    axes.minorticks_off()
    axes.set(
        xlabel="units of the first hidden layer",
        ylabel="seconds per epoch",
        title="Growth with the width, batch 128",
    )
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
