"""Presets and ablation on Fashion-MNIST, with several seeds: docs/recipes, docs/results.md.

    .venv/bin/python bench/recipes.py                          # goes on where the tables end
    .venv/bin/python bench/recipes.py --only presets --names best --workers 2 --threads 1
    .venv/bin/python bench/recipes.py --only precision         # float32 and bfloat16 (5 minutes)

Every finished run is appended to its table at once, so that the script can be stopped and started
again; what was chosen was chosen by validation, and the test images are opened once a run.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from math import inf
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

import handstitch
from handstitch import machine
from handstitch.compiled.availability import bfloat16_unit
from handstitch.config import Config
from handstitch.data import loading
from handstitch.data.dataset import Dataset
from handstitch.search.statistics import mean_interval

ROOT: Final = Path(__file__).resolve().parents[1]
TABLES: Final = ROOT / "docs" / "recipes"
PRESETS: Final = ("best", "course-best", "dense", "default", "fast", "course")
SEEDS: Final = {"presets": 5, "ablation": 3, "elsewhere": 3, "precision": 20}
ELSEWHERE: Final = ("best", "dense")
"""Presets that are trained, as they are, on two other sets of 28 × 28 pictures as well."""
OTHER_SETS: Final = {"sketch": 9_000, "digits": 8_000}
"""Images to train on: of the drawn garments, and of MNIST's test half, whose rest is the test."""
ABLATION: Final[dict[str, dict[str, Any]]] = {
    "as it stands": {},
    "no receptive fields (dense)": {"receptive_field": ()},
    "receptive fields 3..9": {"receptive_field": (3, 9)},
    "receptive fields 7..17": {"receptive_field": (7, 17)},
    "no shift": {"shift": 0},
    "no flip": {"flip": False},
    "no erasing": {"erase": 0.0},
    "with mixup 0.2": {"mixup": 0.2},
    "with label smoothing 0.05": {"label_smoothing": 0.05},
    "with dropout 0.1": {"dropout": 0.1},
    "no weight decay": {"weight_decay": 0.0},
    "half the learning rate": {"learning_rate": 0.0015},
    "twice the learning rate": {"learning_rate": 0.006},
}
"""Changes of the preset `course-best`, each alone, at 60 epochs and with the same seeds."""
ABLATION_EPOCHS: Final = 60
COLUMNS: Final = (  # of a table; the page has those that its runs have
    "name", "seed", "epochs", "best_epoch", "val_accuracy", "test_accuracy", "test_loss",
    "last_test_accuracy", "seconds", "threads", "processor", "first_train_loss",
    "last_val_accuracy",
)  # fmt: skip
EXPLORED: Final = {
    "receptive field none, units per window none, placement none": "no receptive fields (dense)",
    "flip none, in turn yes": "shifts and flips in turn",
}
"""Changes of several columns at once, in words."""
MEASURED: Final = {"val_accuracy", "val_loss", "test_accuracy"}
INTRODUCTION: Final = """\
Fashion-MNIST, 54,000 images to train on, 6,000 to choose by, 10,000 to test on; each seed draws
its own split, initial weights, windows and shuffles. Accuracies are of the weights that validation
chose, and beside them of the last weights, which is what the course report published
([its final run](../reproduction/report_final_run.csv)); its experiment is the preset `course`.
Losses are means in nats. Seconds are those of training with validation and saving, on the
processor and with the threads that the table names: only those on one machine compare.
[How the presets were found](recipe.md)."""
ELSEWHERE_TEXT: Final = """\
The presets as they are, flips included, which digits do not ask for: 9,000 of the drawn garments
(`sketch`), tested on its 10,000; 8,000 digits of MNIST's test half, tested on the other 2,000."""


PRECISION: Final = 0.3
"""Points by which products in bfloat16 may change the mean test accuracy, at 95 %."""


class Job(NamedTuple):
    """One run: a preset with changes on a data set, and a seed."""

    table: str
    name: str
    preset: str
    changes: dict[str, Any]
    seed: int
    dataset: str = "fashion-mnist"


def all_jobs() -> Iterator[Job]:
    """Every run that the tables want, seed by seed."""
    for seed in range(SEEDS["presets"]):
        for preset in PRESETS:
            yield Job("presets", preset, preset, {}, seed)
    for seed in range(SEEDS["ablation"]):
        for name, changes in ABLATION.items():
            whole = {"epochs": ABLATION_EPOCHS} | changes
            yield Job("ablation", name, "course-best", whole, seed)
    for seed in range(SEEDS["elsewhere"]):
        for dataset in OTHER_SETS:
            for preset in ELSEWHERE:
                yield Job("elsewhere", f"{dataset}, {preset}", preset, {}, seed, dataset)
    unit = bfloat16_unit()
    for seed in range(SEEDS["precision"] if unit else 0):
        yield Job("precision", "float32", "course", {}, seed)
        yield Job("precision", f"bfloat16, {unit}", "course", {"precision": "bfloat16"}, seed)


def parts_of(name: str) -> tuple[str | Dataset, Dataset]:
    """What to train on and what to test on."""
    if name not in OTHER_SETS:
        return name, loading.load(name, "test")
    most = OTHER_SETS[name]
    if name == "digits":  # MNIST's training half does not lie beside the project
        whole = loading.load("mnist", "test", ROOT.parent / "shared" / "mnist-test")
        X, y, names = whole.images, whole.labels, whole.class_names
        test = Dataset.from_arrays(X[most:], y[most:], names, "test")
        return Dataset.from_arrays(X[:most], y[:most], names), test
    whole = loading.draw("train")
    drawn = Dataset.from_arrays(whole.images[:most], whole.labels[:most], whole.class_names)
    return drawn, loading.draw("test")


def run(job: Job, threads: int) -> dict[str, Any]:
    """Train and test once: a row of the table."""
    config = Config.preset(job.preset, **job.changes, seed=job.seed, threads=threads)
    data, test = parts_of(job.dataset)
    with tempfile.TemporaryDirectory() as folder:
        trained = handstitch.train(config, data, out=Path(folder) / "run")
        best, last = (
            handstitch.load(trained.folder, weights).evaluate(test.images, test.labels)
            for weights in ("best", "last")
        )
        summary = trained.summary()
    return {
        "name": job.name,
        "seed": job.seed,
        "epochs": config.epochs,
        "best_epoch": summary.best_epoch,
        "val_accuracy": round(summary.best_val_accuracy, 4),
        "test_accuracy": best.accuracy,
        "test_loss": round(best.loss, 4),
        "last_test_accuracy": last.accuracy,
        "seconds": round(summary.seconds, 1),
        "threads": threads,
        "processor": machine.processor(),
        "first_train_loss": round(trained.state.history[0].train_loss, 4),
        "last_val_accuracy": round(trained.state.history[-1].val_accuracy or 0.0, 4),
    }


def rows_of(table: str) -> list[dict[str, str]]:
    """The finished runs of a table."""
    path = TABLES / f"{table}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(table: str, row: dict[str, Any]) -> None:
    """Add a finished run to its table."""
    path = TABLES / f"{table}.csv"
    path.parent.mkdir(exist_ok=True)
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def percent(values: list[float]) -> str:
    """Mean and 95 % interval of accuracies, in per cent."""
    interval = mean_interval(values)
    mean = f"{100 * statistics.mean(values):.2f}"
    return (
        mean if interval is None else f"{mean} ({100 * interval[0]:.2f} to {100 * interval[1]:.2f})"
    )


def preset_section(preset: str, rows: list[dict[str, str]]) -> list[str]:
    """The runs of one preset as a Markdown table, with mean ± standard deviation below."""
    shown = [name for name in COLUMNS[1:] if all(row.get(name) for row in rows)]
    lines = [f"## `{preset}`", "", "| " + " | ".join(map(title, shown)) + " |"]
    lines += ["|" + "---|" * len(shown)]
    lines += ["| " + " | ".join(row[name] for name in shown) + " |" for row in rows]
    cells = ["mean ± sd"]
    for name in shown[1:]:
        is_measured = name not in {"epochs", "threads", "processor"} and len(rows) > 1
        values = [float(row[name]) for row in rows] if is_measured else []
        digits = 1 if name in {"best_epoch", "seconds"} else 4
        mean, spread = (f(values) if values else 0 for f in (statistics.mean, statistics.stdev))
        cells.append(f"{mean:.{digits}f} ± {spread:.{digits}f}" if values else "")
    return [*lines, "| " + " | ".join(cells) + " |", ""]


def title(column: str) -> str:
    """A column of a table as the page calls it."""
    known = {
        "val_accuracy": "best validation accuracy",
        "last_val_accuracy": "last validation accuracy",
        "last_test_accuracy": "test accuracy of last weights",
        "first_train_loss": "first training loss",
    }
    return known.get(column, column.replace("_", " "))


def paired(title: str, runs: dict[str, dict[str, dict[str, str]]], base: str) -> list[str]:
    """Each change as a row, with its differences from `base` over the seeds of both, in points."""
    lines = [
        title,
        "",
        "Differences are paired: the same seed, split and shuffles. In points, with the 95 %",
        "interval of Student's t over the seeds.",
        "",
        "| change | seeds | validation, % | difference | test, % | difference |",
        "|---|---|---|---|---|---|",
    ]
    for name, by_seed in runs.items():
        cells = [name, str(len(by_seed))]
        for column in ("val_accuracy", "test_accuracy"):
            values = {seed: float(row[column]) for seed, row in by_seed.items()}
            both = sorted(values.keys() & runs[base].keys())
            differences = [values[seed] - float(runs[base][seed][column]) for seed in both]
            mean = f"{100 * statistics.mean(values.values()):.2f}"
            cells += [mean, "" if name == base else percent(differences)]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def by_name(rows: list[dict[str, str]]) -> dict[str, dict[str, dict[str, str]]]:
    """Name → seed → run."""
    runs: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        runs.setdefault(row["name"], {})[row["seed"]] = row
    return runs


def ablation_section(rows: list[dict[str, str]]) -> list[str]:
    """The ablation by our own engine."""
    runs = by_name(rows)
    title = f"## Ablation: `course-best` at {ABLATION_EPOCHS} epochs"
    return paired(title, runs, "as it stands") if "as it stands" in runs else []


def precision_section(rows: list[dict[str, str]]) -> list[str]:
    """Products in bfloat16 beside those in float32, for each unit, and whether the aim is met."""
    runs = by_name(rows)
    if "float32" not in runs:
        return []
    page = paired("## Products in bfloat16: `course`", runs, "float32")
    for name in sorted(runs.keys() - {"float32"}):
        differences = [
            100 * (float(row["test_accuracy"]) - float(runs["float32"][seed]["test_accuracy"]))
            for seed, row in runs[name].items()
            if seed in runs["float32"]
        ]
        low, high = mean_interval(differences) or (-inf, inf)
        is_met = -PRECISION < low <= 0 <= high < PRECISION
        page.append(
            f"Aim: the interval of the test accuracy contains 0 and lies within ± {PRECISION} "
            f"points. {name}: **{'met' if is_met else 'not met'}**.\n"
        )
    return page


def elsewhere_section(rows: list[dict[str, str]]) -> list[str]:
    """Two presets on other data sets than the one that they were chosen on."""
    if not rows:
        return []
    page = ["## Elsewhere: two other sets of 28 × 28 pictures", "", ELSEWHERE_TEXT, ""]
    page += ["| data set, preset | seeds | validation, % | test, % |", "|---|---|---|---|"]
    for name in sorted({row["name"] for row in rows}):
        runs = [row for row in rows if row["name"] == name]
        both = ("val_accuracy", "test_accuracy")
        cells = [percent([float(row[column]) for row in runs]) for column in both]
        page.append(f"| {name} | {len(runs)} | {cells[0]} | {cells[1]} |")
    return [*page, ""]


def exploration_section() -> list[str]:
    """What each ingredient is worth at 512-256 in 60 epochs, of the networks explored."""
    rows = [
        row
        for row in rows_of("exploration")
        if (row["hidden_sizes"], row["batch_size"], row["epochs"], row["beta2"], row["part"])
        == ("512-256", "256", "60", "0.999", "course-best")
        and float(row["rotation"]) == 0
    ]
    settings = [name for name in rows[0] if name not in {"part", "seed", *MEASURED}]
    first = rows[0]
    runs: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        changed = [name for name in settings if row[name] != first[name]]
        name = ", ".join(f"{name.replace('_', ' ')} {row[name] or 'none'}" for name in changed)
        name = EXPLORED.get(name, name or "as explored")
        runs.setdefault(name, {}).setdefault(row["seed"], row)
    title = "## What each ingredient is worth, as explored: 512-256, 60 epochs"
    return paired(title, runs, "as explored")


def write_page() -> None:
    """docs/results.md from the tables."""
    presets = rows_of("presets")
    page = ["# Results of the presets", "", INTRODUCTION, "", "Made by `make recipes`.", ""]
    page += ["| preset | seeds | validation, % | test, % |", "|---|---|---|---|"]
    for preset in PRESETS:
        rows = [row for row in presets if row["name"] == preset]
        if rows:
            cells = [
                percent([float(r[c]) for r in rows]) for c in ("val_accuracy", "test_accuracy")
            ]
            page.append(f"| `{preset}` | {len(rows)} | {cells[0]} | {cells[1]} |")
    page += ["", "In brackets: the 95 % interval of the mean over seeds.", ""]
    for preset in PRESETS:
        rows = [row for row in presets if row["name"] == preset]
        if rows:
            page += preset_section(preset, sorted(rows, key=lambda row: int(row["seed"])))
    page += ablation_section(rows_of("ablation")) + precision_section(rows_of("precision"))
    page += elsewhere_section(rows_of("elsewhere"))
    page += exploration_section()
    (ROOT / "docs" / "results.md").write_text("\n".join(page), encoding="utf-8")


def main() -> None:
    """Run what the tables lack, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=SEEDS, help="one table")
    parser.add_argument("--names", nargs="+", help="presets or changes, instead of all")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=machine.cores(), help="of each run")
    parser.add_argument("--until", type=float, help="start no run after so many seconds")
    parser.add_argument("--page", action="store_true", help="only write the page")
    chosen = parser.parse_args()
    started = time.monotonic()
    done = {(table, row["name"], row["seed"]) for table in SEEDS for row in rows_of(table)}
    jobs = [
        job
        for job in all_jobs()
        if (job.table, job.name, str(job.seed)) not in done
        and chosen.only in (None, job.table)
        and (chosen.names is None or job.name in chosen.names)
        and not chosen.page
    ]
    # Read by the BLAS libraries when a worker starts.
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
    with ProcessPoolExecutor(
        chosen.workers, mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        waiting = iter(jobs)
        running = {}
        while True:
            in_time = chosen.until is None or time.monotonic() - started < chosen.until
            while in_time and len(running) < chosen.workers and (job := next(waiting, None)):
                running[pool.submit(run, job, chosen.threads)] = job
            if not running:
                break
            finished = next(as_completed(running))
            job = running.pop(finished)
            row = finished.result()
            append(job.table, row)
            print(*row.values(), sep=", ", flush=True, file=sys.stderr)
    write_page()


if __name__ == "__main__":
    main()
