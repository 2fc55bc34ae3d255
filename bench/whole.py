"""The job of a whole program: train, select by validation, save, and test.

The peers' scripts are written as a user of the framework would write them; what they share, the
reading of the files, the split and the clock, stands here.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import resource
import time
from itertools import pairwise
from typing import Any

import numpy as np
from job import STANDARD, folder

TARGETS = (0.90, 0.91)
VALIDATION = 6_000


def arguments() -> argparse.Namespace:
    """The recipe, as attributes: what recipe.settings makes of a preset."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipe", type=json.loads, required=True)
    parser.add_argument("--started", type=float, default=time.time(), help="when the shell started")
    parser.add_argument("--save", required=True)
    given = parser.parse_args()
    return argparse.Namespace(started=given.started, save=given.save, **given.recipe)


def data(chosen: argparse.Namespace) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """train, validation and test: float32 images (n, 784), scaled, and labels (n,).

    Where the recipe shifts, images to train on are (n, 28 + 2s, 28 + 2s), with a black edge.
    """
    images, labels = read("train")
    order = np.random.Generator(np.random.Philox(chosen.seed)).permutation(len(images))
    held, kept = order[:VALIDATION], order[VALIDATION:]
    test, answers = read("t10k")
    offset, divisor = map(np.float32, STANDARD if chosen.scaling == "standard" else (0, 256))
    train = images[kept]
    if s := chosen.shift:
        train = np.pad(train.reshape(-1, 28, 28), ((0, 0), (s, s), (s, s)))
    parts = {
        "train": (train, labels[kept]),
        "validation": (images[held], labels[held]),
        "test": (test, answers),
    }
    return {name: ((x.astype(np.float32) - offset) / divisor, y) for name, (x, y) in parts.items()}


def initial(chosen: argparse.Namespace) -> tuple[list[np.ndarray], np.ndarray | None]:
    """He-initialised weights (inputs, outputs), and the first one's mask, if it has windows."""
    rng = np.random.Generator(np.random.Philox(chosen.seed))
    sizes, mask = chosen.sizes, None
    weights = [
        rng.standard_normal((n, m), np.float32) * np.float32(np.sqrt(2 / n))
        for n, m in pairwise(sizes)
    ]
    if chosen.windows:
        mask = np.zeros((28, 28, sizes[1]), np.float32)
        for number, (top, left, height, width) in enumerate(chosen.windows):
            units = slice(number * chosen.group, (number + 1) * chosen.group)
            mask[top : top + height, left : left + width, units] = 1
        mask = mask.reshape(784, -1)
        weights[0] *= mask * np.sqrt(784 / mask.sum(axis=0))
    return weights, mask


def read(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one part, from two of the four official files."""
    with gzip.open(folder() / f"{part}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(folder() / f"{part}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return images, labels


def rate(chosen: argparse.Namespace, step: int, steps: int) -> float:
    """The learning rate of a step: constant, or falling in a line or along a cosine."""
    warmup = chosen.warmup * steps / chosen.epochs
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    progress = max(0.0, step - warmup) / max(1.0, steps - 1 - warmup)
    left = {
        "constant": 1.0,
        "linear": 1 - progress,
        "cosine": (1 + math.cos(math.pi * progress)) / 2,
    }
    return float(chosen.rate * rise * left[chosen.schedule])


class Clock:
    """Seconds from the start of the shell until each test accuracy is first reached."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.started = chosen.started
        self.reached: dict[str, float] = {}

    def note(self, accuracy: float) -> None:
        """After an epoch."""
        for target in TARGETS:
            if accuracy >= target:
                self.reached.setdefault(f"{target:.2f}", time.time() - self.started)

    def report(self, peer: str, accuracy: float) -> None:
        """One JSON object."""
        result: dict[str, Any] = {
            "peer": peer,
            "seconds": time.time() - self.started,
            "reached": self.reached,
            "accuracy": accuracy,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps(result))
