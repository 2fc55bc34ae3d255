"""Augmentation: training images shifted and mirrored, anew in every step.

Every draw is a function of the seed and the step; an alternating flip is one of the seed, the image
and the epoch. Both backends make the pixels with `vary`, whose text numba compiles.
"""

from __future__ import annotations

from math import prod
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images, Indices
from handstitch.data.samples import background, shape_in_words
from handstitch.data.scaling import statistics
from handstitch.errors import Argument, ConfigError, Phrase
from handstitch.randomness import Purpose, generator

_UNIFORMS: Final = 3
"""Random numbers for an image in a step; each has its own use, whatever is switched on."""
_COINS: Final = -1
"""Index of the stream that is none of a step's: which images are mirrored in the first epoch."""


class Variants(NamedTuple):
    """How each image of a batch is varied."""

    moves: NDArray[np.int64]
    """(n, 3): pixels down, pixels to the right, and whether mirrored; (0, 3) for no change."""
    shape: NDArray[np.int64]
    """(3,): rows, columns and channels of an image."""
    fill: int
    """The pixel that comes in from outside."""


def vary(image: Any, move: Any, fill: Any, out: Any) -> None:
    """out ← the image (rows, columns, channels), mirrored left to right, then shifted.

    Written so that numba compiles it as it stands.
    """
    down, right, is_mirrored = move
    rows, columns, _ = image.shape
    top, left = max(down, 0), max(right, 0)
    bottom, end = rows + min(down, 0), columns + min(right, 0)
    out[:] = fill
    if is_mirrored:
        mirrored = image[:, ::-1]
        out[top:bottom, left:end] = mirrored[top - down : bottom - down, left - right : end - right]
    else:
        out[top:bottom, left:end] = image[top - down : bottom - down, left - right : end - right]


class Augmentation:
    """Draws the variants of training images; both settings off, there are none.

    Raises ConfigError for features, which have no rows and columns, and for a shift that would
    leave nothing of an image.
    """

    def __init__(
        self,
        images: Images,
        train_indices: Indices,
        seed: int,
        *,
        shift: int = 0,
        flip: str = "none",
    ) -> None:
        self.is_on = shift > 0 or flip != "none"
        if not self.is_on:
            return
        _require_room(images.shape[1:], shift, flip)
        self._seed, self._shift, self._flip = seed, shift, flip
        rows, columns, *channels = images.shape[1:]
        fill = {"dark": 0, "light": 255}.get(background(images))
        if fill is None:  # the edges have no one level, and the mean disturbs least
            fill = round(statistics(images, train_indices)[0])
        shape = np.array([rows, columns, prod(channels)])
        self._unmoved = Variants(np.empty((0, 3), np.int64), shape, fill)
        coins = generator(seed, Purpose.AUGMENTATION, _COINS)
        self._coins = coins.integers(0, 2, len(images), np.uint8)

    def draw(self, indices: Indices, epoch: int, step: int) -> Variants | None:
        """The variants of images `indices` in this step; None if off.

        Epoch and step are counted from 0, over the whole run.
        """
        if not self.is_on:
            return None
        rng = generator(self._seed, Purpose.AUGMENTATION, step)
        uniforms = rng.random((len(indices), _UNIFORMS))
        moves = np.zeros((len(indices), 3), np.int64)
        moves[:, :2] = np.floor(uniforms[:, :2] * (2 * self._shift + 1)) - self._shift
        if self._flip == "random":
            moves[:, 2] = uniforms[:, 2] < 0.5
        elif self._flip == "alternating":
            moves[:, 2] = (self._coins[indices] + epoch) % 2
        return self._unmoved._replace(moves=moves)


def _require_room(shape: tuple[int, ...], shift: int, flip: str) -> None:
    if len(shape) == 1:
        name, value, off = ("shift", shift, 0) if shift else ("flip", flip, "none")
        raise ConfigError(
            "augmentation is for images",
            found=f"{name} = {value}, {shape_in_words(shape)}",
            wanted="images (n, rows, columns) or (n, rows, columns, 3)",
            fix=Phrase("use {}", Argument(name, off)),
        )
    shorter = min(shape[:2])
    if shift >= shorter:
        raise ConfigError(
            "shifted so far, nothing is left of an image",
            found=f"shift = {shift}, {shape_in_words(shape)}",
            wanted=f"less than the {shorter} pixels of a side",
            fix=Phrase("try {}", Argument("shift", min(2, shorter // 8))),
        )
