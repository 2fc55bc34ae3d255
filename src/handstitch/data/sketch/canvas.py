"""Paper, pencil and dice for the built-in drawings: k pictures of one class, drawn all at once.

Only operations that IEEE 754 rounds exactly are used (+ − × ÷ √, floor, minimum, maximum), all in
float32, one after another and never summed over an axis; random numbers are raw words of the bit
generator, whose stream NumPy promises to keep. So the bytes are the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images

SIDE = 28
"""Rows and columns of a picture."""

_THROWS = 40
"""Random numbers that the shape of one picture may use."""

WORDS = _THROWS + SIDE * SIDE // 8
"""Random 64-bit words for one picture: its throws, then a byte of grain for each pixel."""

Grid = NDArray[np.floating[Any]]
"""A float32 for each picture (k, 1, 1), for each line (k, 28, 1) or for each pixel (k, 28, 28)."""

Number = float | Grid

_CENTRES = np.arange(SIDE, dtype=np.float32) + np.float32(0.5)


class Canvas:
    """k black pictures of 28 lines, and what is needed to paint on them.

    `along` (k, 28, 1): where each line lies on the axis of the thing drawn, 0 to 28.
    `across` (k, 28, 28): where each pixel lies across that axis. A garment hangs: its lines are
    rows from the top, and `across` is the distance from its middle, so that one stroke draws both
    sleeves. A shoe lies: its lines are columns from the toe, and `across` counts from the top.
    `ink` (k, 28, 28): what has been painted, 0 black to 1 white.

    Lengths are in pixels; each picture is then shifted, stretched and slanted a little, and half
    of the shoes point the other way.
    """

    def __init__(self, words: NDArray[np.uint64], lying: bool = False) -> None:
        """`words` (k, WORDS): the random numbers of each picture."""
        self._throws, self._grain = iter(words[:, :_THROWS].T), words[:, _THROWS:]
        self._lying = lying
        middle = np.float32(SIDE / 2)
        lines = _CENTRES[None, :, None] - middle
        pixels = _CENTRES[None, None, :] - middle
        slant = self.roll(-0.12, 0.12)
        turn = 1 - 2 * self.chance(0.5) if lying else 1.0
        self.along: Grid = (lines - self.roll(-1.5, 1.5)) * (turn / self.roll(0.8, 1.04)) + middle
        across: Grid = (pixels - (slant * lines + self.roll(-1.5, 1.5))) / self.roll(0.8, 1.06)
        self.across: Grid = across + middle if lying else np.abs(across)
        self.ink: Grid = np.zeros_like(self.across)

    def roll(self, low: float, high: float) -> Grid:
        """A number for each picture, evenly spread from low to high: (k, 1, 1)."""
        # The upper 24 bits are what a float32 can hold exactly.
        fraction = (next(self._throws) >> np.uint64(40)).astype(np.float32)
        unit: Grid = (fraction * np.float32(2.0**-24))[:, None, None]
        return unit * np.float32(high - low) + np.float32(low)

    def chance(self, probability: float) -> Grid:
        """1 for about this share of the pictures and 0 for the others: (k, 1, 1)."""
        return (self.roll(0, 1) < np.float32(probability)).astype(np.float32)

    def within(self, half: Number) -> Grid:
        """How much of each pixel lies nearer to the axis than `half`, 0 to 1."""
        return _clipped(half + 0.5 - self.across)

    def band(self, low: Number, high: Number) -> Grid:
        """How much of each pixel lies across the axis from low to high (low ≤ high), 0 to 1."""
        covered = self.within(high)
        covered -= self.within(low)
        return covered

    def stretch(self, start: Number, end: Number) -> Grid:
        """How much of each line lies along the axis from start to end, 0 to 1: (k, 28, 1)."""
        return _clipped(end + 0.5 - self.along) * _clipped(self.along + 0.5 - start)

    def paint(self, coverage: Grid, shade: Number) -> None:
        """Cover part of each pixel with a shade."""
        fresh = shade - self.ink
        fresh *= coverage
        self.ink += fresh

    def develop(self) -> Images:
        """The finished pictures, with grain on what is painted: (k, 28, 28), 0 to 255.

        Uses up the ink: call it once.
        """
        self._trace()
        strength = self.roll(0, 0.3) * np.float32(1 / 255)
        # Little-endian bytes, whatever the machine's own order is.
        grain = self._grain.astype("<u8").view(np.uint8).reshape(self.ink.shape)
        light = grain * strength
        np.subtract(1, light, out=light)
        light *= self.ink
        light *= 255
        pictures = np.clip(light, 0, 255, out=light).astype(np.uint8)
        return pictures.transpose(0, 2, 1) if self._lying else pictures

    def _trace(self) -> None:
        """Leave a quarter of the pictures as line drawings: light where the ink changes."""
        chosen = np.flatnonzero(self.chance(0.25))
        ink = self.ink[chosen]
        lines = np.zeros_like(ink)
        np.abs(ink[:, 1:] - ink[:, :-1], out=lines[:, 1:])
        steps = np.abs(ink[:, :, 1:] - ink[:, :, :-1])
        np.maximum(lines[:, :, 1:], steps, out=lines[:, :, 1:])
        lines *= 1.5
        self.ink[chosen] = lines


def bend(at: Grid, *knots: tuple[Number, Number]) -> Grid:
    """The line through knots (place, value) with rising places, level before and after them."""
    place, value = knots[0]
    line = np.zeros_like(at) + value
    for next_place, next_value in knots[1:]:
        line = line + _clipped((at - place) / (next_place - place)) * (next_value - value)
        place, value = next_place, next_value
    return line


def arch(at: Grid, centre: Number, radius: Number) -> Grid:
    """Upper half of a circle of height 1, as wide as the radius to either side, 0 outside."""
    away = (at - centre) / radius
    height: Grid = np.sqrt(np.maximum(1 - away * away, 0))
    return height


def waves(at: Grid, period: Number, phase: Number, share: Number = 0.5) -> Grid:
    """Stripes: 1 for this share of each period, 0 for the rest, with edges a pixel wide."""
    turns = at / period + phase
    turns -= np.floor(turns)
    # Distance in pixels from the middle of a stripe.
    away = np.abs(turns - 0.5) * period
    return _clipped(share * period * 0.5 + 0.5 - away)


def _clipped(values: Grid) -> Grid:
    return np.clip(values, 0, 1, out=values)
