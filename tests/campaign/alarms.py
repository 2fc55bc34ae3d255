"""How often the permutation test is wrong: `make alarms` asks at full length, the suite a little.

python -m tests.campaign.alarms --seeds 200 --trained 10

Networks as each seed draws them, and the same after one epoch. The test is given the weights
alone, as from a file without a seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from math import sqrt
from pathlib import Path

import numpy as np

from handstitch import machine, training
from handstitch.arrays import Matrix
from handstitch.config import Config
from handstitch.data import loading, sources
from handstitch.data.dataset import Dataset
from handstitch.evaluation import wilson_interval
from handstitch.insight.permutation_test import ALPHA, structures

REPORT = (784, 512, 256, 10)
UNTRAINED = {
    "the course's": REPORT,
    "small": (784, 32, 16, 10),
    "deep": (784, *[64] * 10, 10),
}
PRESETS = ("course", "default")
SHAPE = (28, 28)


def normal(sizes: tuple[int, ...], seed: int) -> list[Matrix]:
    """As a run with this seed begins."""
    return training.initial_parameters(Config.preset("plain", seed=seed), sizes).weights


def uniform(sizes: tuple[int, ...], seed: int) -> list[Matrix]:
    """As other programs draw them: uniform up to 1/√inputs."""
    rng = np.random.default_rng(seed)
    return [
        rng.uniform(-1, 1, (n, m)).astype(np.float32) / np.float32(sqrt(n))
        for n, m in pairwise(sizes)
    ]


def p_of(weights: list[Matrix]) -> float:
    """p of the network."""
    return min(each.p_value for each in structures(weights, SHAPE))


def after_an_epoch(preset: str, data: Dataset, seed: int) -> list[Matrix]:
    """What one epoch with the settings of `preset` makes of the weights."""
    config = Config.preset(preset)
    config = replace(config, seed=seed, threads=1)
    trainer = training.Trainer(config, data)
    next(iter(trainer))
    return trainer.state.network.parameters.weights


def alarms(
    make: Callable[[tuple[int, ...], int], list[Matrix]], sizes: tuple[int, ...], seeds: int
) -> int:
    """How many of the untrained networks are taken for trained."""
    return sum(p_of(make(sizes, seed)) <= ALPHA for seed in range(seeds))


def found(preset: str, data: Dataset, seeds: int) -> int:
    """How many of the networks trained for one epoch are taken for trained."""
    return sum(p_of(after_an_epoch(preset, data, seed)) <= ALPHA for seed in range(seeds))


def table(seeds: int, trained: int, data: Dataset) -> Iterator[str]:
    """The rows of docs/insight.md, each when it is known."""

    def row(name: str, count: int, n: int) -> str:
        low, high = wilson_interval(count, n)
        return f"| {name} | {n} | {count} | {100 * low:.1f} to {100 * high:.1f} % |"

    yield "| networks | tested | called trained | 95 % interval |"
    yield "|---|---|---|---|"
    for name, sizes in UNTRAINED.items():
        chain = "-".join(map(str, sizes))
        yield row(f"untrained, {name}, {chain}", alarms(normal, sizes, seeds), seeds)
    small = UNTRAINED["small"]
    yield row("untrained, small, uniform weights", alarms(uniform, small, seeds), seeds)
    for preset in PRESETS:
        name = f"after 1 epoch of `{preset}` on {data.name}"
        yield row(name, found(preset, data, trained), trained)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--trained", type=int, default=10)
    parser.add_argument("--data-dir", type=Path)
    chosen = parser.parse_args()
    choice = sources.resolve("auto", chosen.data_dir)
    data = loading.load(choice.name, "train", chosen.data_dir)
    began = time.monotonic()
    with machine.blas_threads(1):
        for line in table(chosen.seeds, chosen.trained, data):
            print(line, flush=True)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
