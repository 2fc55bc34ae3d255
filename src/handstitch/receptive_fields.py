"""Local receptive fields: a rectangle of the image for each unit of the first hidden layer.

A unit has weights inside its rectangle only: W₀ ⊙ M, with M 0 or 1. No weight is shared and nothing
is convolved; it is one matrix, most of which stays 0. The rectangles are part of a model: they are
drawn once, and four small integers a unit store them.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Matrix
from handstitch.errors import Argument, ConfigError, Phrase

Rectangles = NDArray[np.uint16]
"""(units, 4): top, left, height and width."""

SMALLEST_IMAGE: Final = 14
"""Pixels of a side of an image from which `auto` takes receptive fields and shifts."""
_BAND: Final = 4
"""Rows of centres that are numbered together."""


class ReceptiveFields:
    """The rectangle of each unit. Raises ValueError unless all lie inside the image.

    `image_shape` is (rows, columns) or (rows, columns, channels); a rectangle has all channels.
    """

    def __init__(self, rectangles: NDArray[Any], image_shape: tuple[int, ...]) -> None:
        self.rectangles: Rectangles = rectangles.astype(np.uint16)
        self.image_shape = image_shape
        whole = rectangles.astype(np.int64)
        if rectangles.ndim != 2 or rectangles.shape[1] != 4 or len(image_shape) not in {2, 3}:
            raise ValueError(f"rectangles {rectangles.shape} for images of shape {image_shape}")
        corners, sides = whole[:, :2], whole[:, 2:]
        inside = (corners >= 0) & (sides >= 1) & (corners + sides <= image_shape[:2])
        if not inside.all() or (self.rectangles != whole).any():
            unit = int(np.argmin(inside.all(axis=1)))
            raise ValueError(f"rectangle {whole[unit].tolist()} in images of shape {image_shape}")

    @classmethod
    def draw(
        cls,
        image_shape: tuple[int, ...],
        units: int,
        sides: tuple[int, int],
        rng: np.random.Generator,
        group: int = 1,
    ) -> Self:
        """Rectangles with heights and widths from `sides` (smallest, largest), all over the image.

        Centres are drawn one from each cell of a grid, and a rectangle that would overlap the edge
        is moved inside. `group` consecutive units share a rectangle. Neighbours in number are
        neighbours on the image: a kernel reads the same pixels for a block of units.

        Raises ConfigError for samples that are no images, and for a rectangle larger than they are.
        """
        require_fit(image_shape, sides)
        n = -(-units // group)
        size = np.array(image_shape[:2])
        rows = min(n, max(1, round((n * size[0] / size[1]) ** 0.5)))
        ends = n * np.arange(rows + 1) // rows  # row i has the cells from ends[i] to ends[i + 1]
        row = np.repeat(np.arange(rows), np.diff(ends))
        column = np.arange(n) - ends[row]
        cell = np.column_stack([row, column]) + rng.random((n, 2))
        centres = cell / np.column_stack([np.full(n, rows), np.diff(ends)[row]]) * size
        heights_widths = rng.integers(sides[0], sides[1], (n, 2), endpoint=True)
        corners = np.clip(np.floor(centres - (heights_widths - 1) / 2), 0, size - heights_widths)
        # Band by band, to the right and back to the left.
        band = row // _BAND
        order = np.lexsort((np.where(band % 2, -centres[:, 1], centres[:, 1]), band))
        rectangles = np.column_stack([corners.astype(np.int64), heights_widths])[order]
        return cls(np.repeat(rectangles, group, axis=0)[:units], image_shape)

    @property
    def sides(self) -> tuple[int, int]:
        """The smallest and the largest."""
        return int(self.rectangles[:, 2:].min()), int(self.rectangles[:, 2:].max())

    @cached_property
    def mask(self) -> Matrix:
        """M (inputs, units), float32: 1 where a unit has a weight, 0 elsewhere."""
        top, left, height, width = self.rectangles.astype(np.int64).T
        y, x = (np.arange(size)[:, None] for size in self.image_shape[:2])
        rows, columns = (top <= y) & (y < top + height), (left <= x) & (x < left + width)
        inside = rows[:, None] & columns
        channels = self.image_shape[2] if len(self.image_shape) == 3 else 1
        return np.repeat(inside.reshape(-1, len(top)), channels, axis=0).astype(np.float32)


def resolve_sides(
    sides: Literal["auto"] | tuple[int, ...], image_shape: tuple[int, ...]
) -> tuple[int, ...]:
    """(smallest, largest) side for images of this shape; `auto`: about a sixth to a half of theirs.

    Smaller images than 14 pixels, and samples that are none, have no receptive fields by `auto`.
    """
    if sides != "auto":
        return sides
    side = min(image_shape[:2]) if len(image_shape) > 1 else 0
    return (round(side * 5 / 28), round(side * 13 / 28)) if side >= SMALLEST_IMAGE else ()


def group_size(units: int) -> int:
    """Units that share a rectangle: up to 16, a vector of the processor, and a power of two.

    At least 32 rectangles are drawn. Sharing costs no accuracy that 1,000 networks could show
    (docs/recipe.md), and a group is computed at the speed of a dense layer.
    """
    return max(1, min(16, 2 ** ((units // 32).bit_length() - 1))) if units >= 32 else 1


def require_fit(image_shape: tuple[int, ...], sides: tuple[int, ...]) -> None:
    """Raise ConfigError unless rectangles with these sides fit into images of this shape."""
    if len(image_shape) == 1:
        raise ConfigError(
            "local receptive fields are for images",
            found=f"samples of {image_shape[0]:,} features, which have no neighbours",
            wanted="images, of rows and columns",
            fix=Phrase("train without {}", Argument("receptive_field")),
        )
    most = min(image_shape[:2])
    if max(sides) > most:
        raise ConfigError(
            "the receptive fields are larger than the images",
            found=f"sides of up to {max(sides):,} pixels, images of {image_shape[0]} × "
            f"{image_shape[1]}",
            wanted=f"sides of up to {most:,} pixels",
            fix=Phrase("try {}", Argument("receptive_field", (min(sides[0], most), most))),
        )
