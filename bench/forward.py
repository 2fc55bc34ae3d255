"""What every peer of inference does: logits of 10,000 images and of one, float32, warm."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np

COUNTS = (10_000, 1)
SECONDS = 2.0


def inputs(count: int) -> np.ndarray:
    """(count, 784), what no peer can foresee."""
    return np.random.Generator(np.random.Philox(2)).random((count, 784), np.float32)


def pixels() -> np.ndarray:
    """One image (28, 28), as a file has it."""
    return np.random.Generator(np.random.Philox(2)).integers(0, 256, (28, 28), np.uint8)


def measure(peer: str, forward: Callable[[int], Callable[[], object]]) -> None:
    """`forward` makes, for a number of images, a function that classifies them."""
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
