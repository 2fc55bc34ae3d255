"""The figure of docs/benchmarks.md: python bench/figure.py docs/benchmarks benchmarks.png."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = {
    "Handstitch, bfloat16": "#0072B2",
    "Handstitch": "#0072B2",
    "numpy backend": "#56B4E9",
    "JAX": "#009E73",
    "PyTorch, weights bfloat16, too": "#D55E00",
    "PyTorch": "#D55E00",
    "torch.compile": "#E69F00",
    "scikit-learn": "#CC79A7",
    "the course report's way": "#999999",
}


def main() -> None:
    """A row for each processor: bars of an epoch; growth, or else bars of AVX2, as measured."""
    paths = sorted(Path(sys.argv[1]).glob("*.json"))
    every = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    every = [found for found in every if "epoch" in found]
    if not every:
        return
    figure = Figure(figsize=(11, 4.6 * len(every)), layout="constrained")
    grid = figure.subplots(len(every), 2, width_ratios=(1.5, 1), squeeze=False)
    for (bars, lines), found in zip(grid, every, strict=True):
        draw_epochs(bars, found["epoch"], found["processor"]["name"])
        if "growth" in found:
            draw_growth(lines, found["growth"]["width"])
        elif "avx2" in found:
            held = {batch: each for batch, each in found["avx2"].items() if batch != "kernels"}
            draw_epochs(lines, held, "everybody held to AVX2")
        else:
            lines.set_axis_off()
    bars = grid[0, 0].get_legend_handles_labels()
    figure.legend(*bars, fontsize=8, frameon=False, ncols=5, loc="outside upper center")
    figure.savefig(sys.argv[2], dpi=130)


def draw_epochs(axes: Axes, found: dict[str, Any], name: str) -> None:
    """One group a batch size, one bar a program."""
    shown = {
        peer: COLOURS[peer] for peer in COLOURS if any(peer in each for each in found.values())
    }
    width = 0.8 / len(shown)
    for number, (peer, colour) in enumerate(shown.items()):
        at = [group + number * width for group in range(len(found))]
        heights = [each.get(peer, {"seconds": 0})["seconds"] for each in found.values()]
        hatch = "////" if "bfloat16" in peer else None
        axes.bar(at, heights, width, color=colour, label=peer, hatch=hatch, edgecolor="white")
    axes.set_xticks([group + 0.4 - width / 2 for group in range(len(found))], list(found))
    axes.set(
        xlabel="batch size", ylabel="seconds per epoch", title=f"One epoch, 54,000 images: {name}"
    )
    axes.title.set_fontsize(10)
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
