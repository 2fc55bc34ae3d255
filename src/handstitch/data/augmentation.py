"""Augmentation: training images shifted, mirrored and partly erased, anew in every epoch.

Shifts and flips are sampled without replacement: an image takes all of them in an order of its own,
a function of the seed, the image and the epoch, before any comes again. What is erased is a
function of the seed and the step. Both backends make the pixels with `vary`, whose text numba
compiles.
"""

from __future__ import annotations

from math import prod
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images, Indices
from handstitch.data.samples import background, shape_in_words
from handstitch.data.scaling import statistics
from handstitch.errors import Argument, ConfigError, Phrase
from handstitch.randomness import Purpose, generator
from handstitch.receptive_fields import SMALLEST_IMAGE

SHORTEST: Final = 4
LONGEST: Final = 10
_LEVELS: Final = np.float32(256)
_HALF: Final = np.float32(128)
"""Pixels of a side of an erased rectangle."""


class Variants(NamedTuple):
    """How each image of a batch is varied."""

    moves: NDArray[np.int64]
    """(n, 7): pixels down, pixels to the right, whether mirrored; then the erased rectangle's top,
    bottom, left and right end. (0, 7) for images as they are."""
    shape: NDArray[np.int64]
    """(3,): rows, columns and channels of an image."""
    fill: int
    """The pixel that comes in from outside, and of what is erased."""


def vary(image: Any, move: Any, fill: Any, out: Any) -> None:
    """out ← the image (rows, columns, channels), mirrored left to right, shifted, partly erased.

    Written so that numba compiles it as it stands.
    """
    down, right, is_mirrored, first, last, start, stop = move
    rows, columns, _ = image.shape
    top, left = max(down, 0), max(right, 0)
    bottom, end = rows + min(down, 0), columns + min(right, 0)
    out[:] = fill
    if is_mirrored:
        mirrored = image[:, ::-1]
        out[top:bottom, left:end] = mirrored[top - down : bottom - down, left - right : end - right]
    else:
        out[top:bottom, left:end] = image[top - down : bottom - down, left - right : end - right]
    out[first:last, start:stop] = fill


def resolve_shift(shift: int | Literal["auto"], image_shape: tuple[int, ...]) -> int:
    """Pixels of the largest shift; `auto`: 1 for images of 14 pixels or more, otherwise 0."""
    if shift != "auto":
        return shift
    return int(len(image_shape) > 1 and min(image_shape[:2]) >= SMALLEST_IMAGE)


class Augmentation:
    """Draws the variants of training images; with all settings off, there are none.

    Raises ConfigError for features, which have no rows and columns, and for a shift that would
    leave nothing of an image.
    """

    def __init__(
        self,
        images: Images,
        train_indices: Indices,
        seed: int,
        *,
        shift: int | Literal["auto"] = 0,
        flip: bool = False,
        erase: float = 0.0,
    ) -> None:
        shift = resolve_shift(shift, images.shape[1:])
        self.is_on = shift > 0 or flip or erase > 0
        if not self.is_on:
            return
        _require_room(images.shape[1:], {"shift": shift, "flip": flip, "erase": erase})
        self._seed, self._shift, self._flip, self._erase = seed, shift, flip, erase
        rows, columns, *channels = images.shape[1:]
        fill = {"dark": 0, "light": 255}.get(background(images))
        if fill is None:  # the edges have no one level, and the mean disturbs least
            fill = round(statistics(images, train_indices)[0])
        shape = np.array([rows, columns, prod(channels)])
        self._unmoved = Variants(np.empty((0, 7), np.int64), shape, fill)
        # Steps of a length that has no factor in common with the number of variants reach them all.
        self._count = (2 * shift + 1) ** 2 * (1 + flip)
        lengths = np.arange(1, self._count + 1)
        lengths = lengths[np.gcd(lengths, self._count) == 1]
        uniforms = generator(seed, Purpose.AUGMENTATION).random((2, len(images)))
        self._starts = (uniforms[0] * self._count).astype(np.int64)
        self._strides = lengths[(uniforms[1] * len(lengths)).astype(np.int64)]

    def draw(self, indices: Indices, epoch: int, step: int) -> Variants | None:
        """The variants of images `indices` in this step; None if off.

        Epoch and step are counted from 0, over the whole run.
        """
        if not self.is_on:
            return None
        moves = np.zeros((len(indices), 7), np.int64)
        number = (self._starts[indices] + self._strides[indices] * epoch) % self._count
        number, moves[:, 2] = np.divmod(number, 1 + self._flip)
        moves[:, :2] = np.stack(np.divmod(number, 2 * self._shift + 1), 1) - self._shift
        if self._erase:
            # The stream of index 0 is that of the orders.
            rng = generator(self._seed, Purpose.AUGMENTATION, step + 1)
            chances, *uniforms = rng.random((5, len(indices)))
            for axis, (side, place) in enumerate(zip(uniforms[:2], uniforms[2:], strict=True)):
                whole = self._unmoved.shape[axis]
                length = SHORTEST + (side * (LONGEST - SHORTEST + 1)).astype(np.int64)
                length = np.where(chances < self._erase, np.minimum(length, whole), 0)
                begin = (place * (whole - length + 1)).astype(np.int64)
                moves[:, 3 + 2 * axis], moves[:, 4 + 2 * axis] = begin, begin + length
        return self._unmoved._replace(moves=moves)

    def examples(self, images: Images, indices: Indices, epochs: int) -> Images:
        """Images `indices` as they may be trained on in each of the first epochs.

        (indices · epochs, …), the epochs of one image side by side.
        """
        found = np.repeat(images[indices], epochs, axis=0)
        for epoch in range(epochs):
            if variants := self.draw(indices, epoch, epoch):
                for index, move, out in zip(
                    indices, variants.moves, found[epoch::epochs], strict=True
                ):
                    image, varied = (one.reshape(variants.shape) for one in (images[index], out))
                    vary(image, move, variants.fill, varied)
        return found


def draw_mixing(seed: int, mixup: float, step: int) -> float:
    """λ ~ Beta(mixup, mixup), at least ½: the share of each sample in its mixture with the next.

    In whole 256ths; 1 where `mixup` is 0. A function of seed and step (H. Zhang et al.,
    arXiv:1710.09412).
    """
    if not mixup:
        return 1.0
    # Streams counted down from the last: those from 0 on are the orders' and the rectangles'.
    share = generator(seed, Purpose.AUGMENTATION, -1 - step).beta(mixup, mixup)
    return round(max(share, 1 - share) * 256) / 256


def mix_pixel(pixel: Any, following: Any, share: Any) -> Any:
    """λ · a pixel + (1 − λ) · that of the next image, rounded to a whole pixel; in float32.

    With λ in 256ths every step is exact, so both backends give the same. Written so that numba
    compiles it as it stands.
    """
    own = share * _LEVELS
    mixture = own * pixel + (_LEVELS - own) * following
    return np.floor((mixture + _HALF) / _LEVELS)


def mix(samples: NDArray[Any], mixing: float) -> None:
    """Each sample ← λ of it + (1 − λ) of the next, whole pixels for pixels; after the last comes
    the first. Overwritten.
    """
    following, share = np.roll(samples, -1, axis=0), np.float32(mixing)
    if samples.dtype == np.uint8:
        samples[:] = mix_pixel(samples.astype(np.float32), following.astype(np.float32), share)
    else:
        samples[:] = share * samples + np.float32(1 - mixing) * following


def _require_room(shape: tuple[int, ...], settings: dict[str, float]) -> None:
    if len(shape) == 1:
        name, value = next((name, value) for name, value in settings.items() if value)
        raise ConfigError(
            "augmentation is for images",
            found=f"{name} = {value}, {shape_in_words(shape)}",
            wanted="images (n, rows, columns) or (n, rows, columns, 3)",
            fix=Phrase("use {}", Argument(name, type(value)())),
        )
    shift, shorter = settings["shift"], min(shape[:2])
    if shift >= shorter:
        raise ConfigError(
            "shifted so far, nothing is left of an image",
            found=f"shift = {shift}, {shape_in_words(shape)}",
            wanted=f"less than the {shorter} pixels of a side",
            fix=Phrase("try {}", Argument("shift", min(1, shorter // 8))),
        )
