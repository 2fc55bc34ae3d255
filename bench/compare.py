"""Recorded seeds: two recipes trained with the same seeds, and how often `compare` errs on them.

    python bench/compare.py --seeds 40 --runs runs/seeds

docs/comparison/validation.csv has the validation accuracy of both with each seed,
docs/comparison/both_right.csv for each two networks the test images that both classify correctly,
and on its diagonal those that one does. Runs that are in the folder are not trained again. Prints
the table of docs/howto/compare.md.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

import handstitch
from handstitch.comparison import paired_seeds
from handstitch.data.loading import load

PLACE = Path(__file__).parents[1] / "docs" / "comparison"
NARROW = handstitch.Config.preset(
    "fast", dataset="fashion-mnist", hidden_sizes=(256, 64), epochs=3, threads=1
)
RECIPES = {"fast": NARROW, "slower": replace(NARROW, learning_rate=0.005)}
"""The preset `fast`, narrower and shorter, and the same at a learning rate a sixth lower."""
IMAGES = 10_000
DRAWS = 10_000
PLANTED = (0.01, 0.003)
"""Differences that the recorded accuracies are made to have."""


def train(name, seed, folder, test):
    """(validation accuracy, which test images are classified correctly) of one run."""
    out = folder / name / f"seed-{seed:02d}"
    if not (out / "summary.json").exists():
        handstitch.train(replace(RECIPES[name], seed=seed), out=out)
    classifier = handstitch.load(out)
    best = [epoch for epoch in classifier.model.history if epoch["is_best"]][-1]
    return best["val_accuracy"], np.argmax(classifier.predict_proba(test.images), 1) == test.labels


def write(name, rows):
    """Write a table."""
    PLACE.mkdir(exist_ok=True)
    with (PLACE / name).open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def record(seeds, folder):
    """Train what is missing, and write both tables."""
    test = load("fashion-mnist", "test")
    found = [[train(name, seed, folder, test) for seed in range(seeds)] for name in RECIPES]
    rows = [[seed, *(f"{each[seed][0]:.5f}" for each in found)] for seed in range(seeds)]
    write("validation.csv", [["seed", *RECIPES], *rows])
    right = np.array([right for each in found for _, right in each], np.float64)
    names = [f"{name}-{seed}" for name in RECIPES for seed in range(seeds)]
    counts = np.rint(right @ right.T).astype(int).tolist()
    write(
        "both_right.csv", [["", *names], *([n, *row] for n, row in zip(names, counts, strict=True))]
    )


def is_different(found):
    """The verdict by seed."""
    return not found.interval[0] <= 0 <= found.interval[1]


class Recorded:
    """The two tables; `fast` are the first rows, `slower` the others."""

    def __init__(self):
        with (PLACE / "validation.csv").open(newline="") as file:
            rows = list(csv.reader(file))[1:]
        self.validation = np.array(rows, np.float64)[:, 1:].T.ravel()
        self.both_right = np.loadtxt(
            PLACE / "both_right.csv", delimiter=",", skiprows=1, usecols=range(1, 2 * len(rows) + 1)
        )
        self.test = self.both_right.diagonal() / IMAGES
        self.seeds = len(rows)

    def accuracies(self, part):
        """Of every network."""
        return self.validation if part == "validation" else self.test

    def image_error(self, part, first, second):
        """As `compare` has it: 0 where each seed has images of its own."""
        if part == "validation":
            return 0.0
        weights = np.zeros(len(self.both_right))
        weights[second] += 1 / len(second)
        weights[first] -= 1 / len(first)
        mean = weights @ self.test
        squares = weights @ self.both_right @ weights / IMAGES
        return np.sqrt((squares - mean**2) / (IMAGES - 1))

    def draw(self, rng, part, seeds, planted):
        """(verdict, seeds asked for) of a comparison with so many seeds.

        With nothing planted, two groups of `fast`; else `fast` and `slower` with the same seeds,
        whose means over all recorded ones are made to differ by `planted`.
        """
        values = self.accuracies(part)
        order = rng.permutation(self.seeds)
        first, second = order[:seeds], order[seeds : 2 * seeds]
        shift = 0.0
        if planted:
            second = first + self.seeds
            shift = planted - values[self.seeds :].mean() + values[: self.seeds].mean()
        found = paired_seeds.paired(
            values[first],
            values[second] + shift,
            image_error=self.image_error(part, first, second),
        )
        return is_different(found), paired_seeds.seeds_needed(found)

    def ask(self, rng, part, seeds, planted):
        """(found by so many seeds, found by as many as these ask for) of a planted difference.

        The second is None where nothing is asked, as it was found. Who is asked for more than
        there are recorded has those.
        """
        is_found, needed = self.draw(rng, part, seeds, planted)
        if is_found:
            return True, None
        return False, self.draw(rng, part, min(needed or seeds, self.seeds), planted)[0]


def main():
    """Train what is missing, write the tables, and print how often a comparison errs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--runs", type=Path, default=Path("runs", "seeds"))
    parser.add_argument("--draws", type=int, default=DRAWS)
    arguments = parser.parse_args()
    record(arguments.seeds, arguments.runs)
    recorded, rng = Recorded(), np.random.default_rng(0)
    heads = ["images", "seeds", "one recipe called different"]
    for planted in PLANTED:
        heads += [f"{100 * planted:g} points found", "with as many as asked for"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for part in ("validation", "test"):
        for seeds in (2, 3, 5, 10):
            alarms = [recorded.draw(rng, part, seeds, 0.0)[0] for _ in range(arguments.draws)]
            columns = [alarms]
            for planted in PLANTED:
                asked = [recorded.ask(rng, part, seeds, planted) for _ in range(arguments.draws)]
                columns += zip(*asked, strict=True)
            told = [[each for each in column if each is not None] for column in columns]
            shares = [f"{100 * np.mean(column):.1f} %" if column else "–" for column in told]
            print(f"| {part} | {seeds} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
