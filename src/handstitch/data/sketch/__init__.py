"""The built-in data set: drawn pictures of the ten Fashion-MNIST classes, any number from a seed.

So that everything runs with no file and no network. How the pictures are drawn is in `garments`.
"""

from __future__ import annotations

import numpy as np

from handstitch.arrays import Images, Labels
from handstitch.data.sketch.canvas import SIDE, WORDS, Canvas
from handstitch.data.sketch.garments import DRAWINGS
from handstitch.randomness import Purpose, generator

CLASS_NAMES = tuple(name for name, _, _ in DRAWINGS)
"""The names, in the order of the class numbers."""

_BLOCK = 128
"""Pictures drawn at once: their grids of float32 stay in a core's cache."""


def draw(n: int, seed: int) -> tuple[Images, Labels]:
    """Draw n pictures, uint8 (n, 28, 28), 0 black to 255 white; and their classes, uint8 (n,).

    Every ten pictures that follow each other from the start hold each class once, in a random
    order, so any n is balanced to ±1. The first m of n pictures are the same as `draw(m, seed)`.
    The same seed gives the same bytes on every platform.

    >>> images, labels = draw(20, seed=0)
    >>> images.shape, sorted(labels[:10].tolist())
    ((20, 28, 28), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    classes = len(DRAWINGS)
    rounds = -(-n // classes)
    keys = generator(seed, Purpose.SKETCH).bit_generator.random_raw(rounds * classes)
    order = np.argsort(keys.reshape(rounds, classes), axis=1, kind="stable")
    labels = order.astype(np.uint8).reshape(-1)[:n]
    images = np.empty((n, SIDE, SIDE), dtype=np.uint8)
    for label, (_, drawing, lying) in enumerate(DRAWINGS):
        # Each picture takes its own words from the stream of its class.
        bits = generator(seed, Purpose.SKETCH, 1 + label).bit_generator
        positions = np.flatnonzero(labels == label)
        for start in range(0, len(positions), _BLOCK):
            block = positions[start : start + _BLOCK]
            words = bits.random_raw(len(block) * WORDS).reshape(len(block), WORDS)
            canvas = Canvas(words, lying)
            drawing(canvas)
            images[block] = canvas.develop()
    return images, labels
