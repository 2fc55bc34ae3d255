"""The job of every peer of inference: 10,000 images of the test set and one of them, warm."""

from __future__ import annotations

import gzip
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from job import folder

COUNTS = (10_000, 1)
SECONDS = 2.0


def bytes_of(count: int) -> np.ndarray:
    """The first images (count, 784) of the test set, uint8: half of the pixels are 0."""
    with gzip.open(folder() / "t10k-images-idx3-ubyte.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)[:count]


def inputs(count: int) -> np.ndarray:
    """The same as float32."""
    return bytes_of(count).astype(np.float32) / 256


def measure(peer: str, forward: Callable[[int], Callable[[], object]]) -> None:
    """`forward` maps a number of images to a function that classifies them."""
    found = {}
    for count in COUNTS:
        once = forward(count)
        for _ in range(3):
            once()
        times = []
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            began = time.perf_counter()
            once()
            times.append(time.perf_counter() - began)
        found[str(count)] = statistics.median(times)
    print(json.dumps({"peer": peer, "seconds": found}))
