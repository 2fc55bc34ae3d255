"""The presets over several seeds, on the real data: writes docs/results.md.

    .venv/bin/python bench/recipes.py --seeds 5

Test figures are of the best weights by validation and of the last ones, which is what the course
report published. Nothing else should be running.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import handstitch
from handstitch import machine
from handstitch.config import Config

INTRODUCTION = """\
Fashion-MNIST, 54,000 images to train on, 6,000 to choose by, 10,000 to test on; each seed draws
its own split, initial weights and shuffles. Losses are means in nats; seconds are those of
training with validation and saving. Test figures are of the weights that validation chose, and
beside them of the last weights, which is what the course report published
([its final run](../reproduction/report_final_run.csv)); its experiment is the preset `course`."""
ROOT = Path(__file__).resolve().parents[1]
PRESETS = ("default", "course")


def run(preset: str, seed: int, folder: Path) -> dict[str, float]:
    """Train and test one preset with one seed."""
    config = Config.preset(preset, seed=seed, dataset="fashion-mnist")
    trained = handstitch.train(config, out=folder / f"{preset}-{seed}")
    records, summary = trained.state.history, trained.summary()
    best = handstitch.load(trained.folder).evaluate()
    last = handstitch.load(trained.folder, "last").evaluate()
    return {
        "seed": seed,
        "seconds": summary.seconds,
        "first training loss": records[0].train_loss,
        "best epoch": summary.best_epoch,
        "best validation accuracy": summary.best_val_accuracy,
        "last validation accuracy": records[-1].val_accuracy,
        "test accuracy": best.accuracy,
        "test accuracy of last weights": last.accuracy,
    }


def spread(values: list[float], digits: int = 4) -> str:
    """Mean and standard deviation."""
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


def table(rows: list[dict[str, float]]) -> str:
    """The runs of one preset as a Markdown table, with their means below."""
    names = list(rows[0])
    whole = {"seed", "best epoch"}

    def cell(name: str, value: float) -> str:
        return str(int(value)) if name in whole else f"{value:.{1 if name == 'seconds' else 4}f}"

    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(cell(name, row[name]) for name in names) + " |" for row in rows]
    means = [
        "mean ± sd"
        if name == "seed"
        else spread([row[name] for row in rows], 1 if name in {"seconds", "best epoch"} else 4)
        for name in names
    ]
    return "\n".join([*lines, "| " + " | ".join(means) + " |"])


def main() -> None:
    """Run all presets and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results.md")
    parser.add_argument("--presets", nargs="+", default=PRESETS)
    chosen = parser.parse_args()
    versions = ", ".join(f"{name} {value}" for name, value in machine.build_info().items())
    page = [
        "# Results of the presets",
        "",
        INTRODUCTION,
        "",
        (
            f"Machine: {machine.processor()}, {machine.cores()} cores; {versions}. "
            f"Made by `python bench/recipes.py --seeds {chosen.seeds}`."
        ),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for preset in chosen.presets:
            rows = []
            for seed in range(chosen.seeds):
                rows.append(run(preset, seed, Path(folder)))
                print(preset, rows[-1], flush=True)
            page += ["", f"## `{preset}`", "", table(rows)]
    chosen.out.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
