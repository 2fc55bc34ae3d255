"""Simulated searches whose truth is known: how often the ranking errs, and what it can see.

    python bench/ranking.py --searches 2000

Prints the table of docs/ranking.md. Accuracies are in points; every search has a shift that each
seed gives all candidates alike (sd 0.5), which the ranking takes out.
"""

from __future__ import annotations

import argparse

import numpy as np

from handstitch.randomness import Purpose, generator
from handstitch.search import statistics

CANDIDATES = 20
DEVIATION = 0.4


def cases():
    """Name → (means, standard deviations over seeds, seeds)."""
    equal = np.zeros(CANDIDATES)
    better, two = equal.copy(), equal.copy()
    better[7] = two[7] = two[12] = 1.0
    far = np.repeat([0.0, -3.0], CANDIDATES // 2)
    steps = -0.1 * np.arange(CANDIDATES)
    even = np.full(CANDIDATES, DEVIATION)
    noisy, lame = even.copy(), even.copy()
    noisy[3] = lame[12] = 5 * DEVIATION
    third = np.repeat([DEVIATION, 3 * DEVIATION], CANDIDATES // 2)
    found = {}
    for seeds in (2, 3, 5, 10):
        found[f"20 equal candidates, {seeds} seeds"] = (equal, even, seeds)
    for seeds in (2, 3, 5, 10):
        found[f"one better by 1 point, {seeds} seeds"] = (better, even, seeds)
    found |= {
        "two better by 1 point, 5 seeds": (two, even, 5),
        "ten worse by 3 points, 5 seeds": (far, even, 5),
        "each worse by 0.1 than the last, 5 seeds": (steps, even, 5),
        "two better by 1 point, one of them five times as unsteady, 5 seeds": (two, lame, 5),
    }
    for seeds in (2, 3, 5, 10):
        found[f"equal, one five times as unsteady, {seeds} seeds"] = (equal, noisy, seeds)
        found[f"equal, half three times as unsteady, {seeds} seeds"] = (equal, third, seeds)
    return found


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--searches", type=int, default=2000)
    searches = parser.parse_args().searches
    print("| candidates | a best one called lower | a best one first | worse ones called lower |")
    print("|---|---|---|---|")
    for number, (name, (means, deviations, seeds)) in enumerate(cases().items()):
        best = means == means.max()
        false = first = told = 0.0
        for search in range(searches):
            rng = generator(search, Purpose.SEARCH, number)
            table = means[:, None] + rng.normal(0, 0.5, (1, seeds))
            table = table + deviations[:, None] * rng.normal(0, 1, (CANDIDATES, seeds))
            indistinguishable = np.array(statistics.indistinguishable_from_best(table))
            false += not indistinguishable[best].all()
            first += bool(best[np.argmax(table.mean(axis=1))])
            told += np.mean(~indistinguishable[~best]) if not best.all() else 0
        power = "–" if best.all() else f"{100 * told / searches:.1f} %"
        shares = f"{100 * false / searches:.1f} % | {100 * first / searches:.1f} %"
        print(f"| {name} | {shares} | {power} |", flush=True)


if __name__ == "__main__":
    main()
