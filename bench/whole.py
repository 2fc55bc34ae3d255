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
from typing import Any

import numpy as np
from job import folder

TARGETS = (0.8846, 0.90)
VALIDATION = 6_000


def arguments() -> argparse.Namespace:
    """The preset to train: `course` (SGD) or `default` (Adam along a cosine)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", choices=("course", "default"), default="course")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--started", type=float, default=time.time(), help="when the shell started")
    parser.add_argument("--save", required=True)
    chosen = parser.parse_args()
    chosen.adam = chosen.preset == "default"
    chosen.batch = 256 if chosen.adam else 64
    chosen.rate = 0.0015 if chosen.adam else 0.064
    chosen.dropout = 0.2 if chosen.adam else 0.0
    return chosen


def data(chosen: argparse.Namespace) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """train, validation and test: float32 images (n, 784), scaled, and labels (n,)."""
    images, labels = read("train")
    order = np.random.Generator(np.random.Philox(chosen.seed)).permutation(len(images))
    held, kept = order[:VALIDATION], order[VALIDATION:]
    test, answers = read("t10k")
    mean, deviation = (72.940, 90.021) if chosen.adam else (0.0, 256.0)
    parts = {
        "train": (images[kept], labels[kept]),
        "validation": (images[held], labels[held]),
        "test": (test, answers),
    }
    return {
        name: (((x - np.float32(mean)) / np.float32(deviation)).astype(np.float32), y)
        for name, (x, y) in parts.items()
    }


def read(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one part, from two of the four official files."""
    with gzip.open(folder() / f"{part}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(folder() / f"{part}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return images, labels


def rate(chosen: argparse.Namespace, step: int, steps: int) -> float:
    """The learning rate of a step: constant, or falling along a cosine."""
    if not chosen.adam:
        return float(chosen.rate)
    return float(chosen.rate) * (1 + math.cos(math.pi * step / steps)) / 2


class Clock:
    """Seconds from the start of the shell until each test accuracy is first reached."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.started = chosen.started
        self.reached: dict[str, float] = {}

    def note(self, accuracy: float) -> None:
        """After an epoch."""
        for target in TARGETS:
            if accuracy >= target:
                self.reached.setdefault(f"{target:.4f}", time.time() - self.started)

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
