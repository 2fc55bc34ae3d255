"""The job of every peer of an epoch: the course network on 54,000 images, plain SGD.

Each peer is a script of its own in `peers/`, run in a process of its own. It prepares itself, runs
one epoch that is not counted (it includes compilation), then the counted ones, and prints one JSON
object. Data are read here, without Handstitch, so that no peer depends on it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

IMAGES = 54_000
RATE = 0.064
"""The course report's 0.001 on summed gradients at batch 64, as a rate for their mean."""
STANDARD = (72.940, 90.021)
"""Mean and standard deviation of the pixels."""


def arguments() -> argparse.Namespace:
    """--batch, --epochs, --threads; --width of the first hidden layer, --images in an epoch.

    --pixels: `dark` as they are, `light` as 255 − pixel, where hardly one is 0, or `standard`.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--pixels", choices=("dark", "light", "standard"), default="dark")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args()


def folder() -> Path:
    """The folder of the four files of Fashion-MNIST."""
    place = os.environ.get("HANDSTITCH_DATA", "")
    if not (Path(place) / "train-images-idx3-ubyte.gz").exists():
        sys.exit("bench: set HANDSTITCH_DATA to a folder with the files of Fashion-MNIST")
    return Path(place)


def sizes(width: int = 512) -> tuple[int, ...]:
    """The course network: the second hidden layer is half as wide as the first."""
    return (784, width, width // 2, 10)


def pixels(chosen: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images (n, 784) and labels (n,), repeated where there are fewer."""
    with gzip.open(folder() / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(folder() / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    images = 255 - images if chosen.pixels == "light" else images
    return np.resize(images, (chosen.images, 784)), np.resize(labels, chosen.images)


def scaling(chosen: argparse.Namespace) -> tuple[float, float]:
    """(offset, divisor) of the pixels."""
    return STANDARD if chosen.pixels == "standard" else (0.0, 256.0)


def scaled(chosen: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """float32 images (n, 784), scaled, and labels (n,)."""
    images, labels = pixels(chosen)
    offset, divisor = map(np.float32, scaling(chosen))
    x = images.astype(np.float32)
    x -= offset
    x /= divisor
    return x, labels


def initial(dtype: str = "float32", width: int = 512) -> list[tuple[np.ndarray, np.ndarray]]:
    """He-initialised weights (inputs, outputs) and zero biases, the same for every peer."""
    rng = np.random.Generator(np.random.Philox(0))
    return [
        ((rng.standard_normal((n, m)) * np.sqrt(2 / n)).astype(dtype), np.zeros(m, dtype))
        for n, m in pairwise(sizes(width))
    ]


def measure(name: str, epoch: Callable[[np.ndarray], float], chosen: argparse.Namespace) -> None:
    """Run the epochs and print their seconds. `epoch` maps an order to the mean loss."""
    shuffles = np.random.Generator(np.random.Philox(1))
    seconds, losses = [], []
    for _ in range(chosen.epochs + 1):
        order = shuffles.permutation(chosen.images)
        began = time.perf_counter()
        losses.append(float(epoch(order)))
        seconds.append(time.perf_counter() - began)
    print(
        json.dumps(
            {
                "peer": name,
                "batch": chosen.batch,
                "threads": chosen.threads,
                "images": chosen.images,
                "first_epoch": seconds[0],
                "epochs": seconds[1:],
                "loss": losses[-1],
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )
