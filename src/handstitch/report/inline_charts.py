"""Charts small enough for a cell of a table: a run's curve, and an interval on a common scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from handstitch.records import EpochRecord, some_epochs

WIDTH: Final = 120.0
HEIGHT: Final = 28.0
TALL: Final = 72.0
"""Height of a curve that stands alone."""
_MARGIN: Final = 5.0
"""In which the dots at the ends have room."""
_POINTS: Final = 60
"""Epochs drawn of a longer curve."""
_LOWEST: Final = 0.1
"""The fraction of all accuracies that lies below the scale: those of the first epochs."""


class Scale(NamedTuple):
    """Accuracies from `low` to `high`, over the height of a curve or the width of an interval."""

    low: float
    high: float

    def fraction(self, accuracy: float) -> float:
        """Its place from 0 to 1; beyond the ends, the end."""
        span = self.high - self.low
        return min(1.0, max(0.0, (accuracy - self.low) / span)) if span > 0 else 0.5


class Curve(NamedTuple):
    """The validation accuracy of a run, epoch by epoch."""

    path: str
    """Path data of SVG."""
    best: tuple[str, str] | None
    """Where the epoch is whose weights are kept."""


class Whisker(NamedTuple):
    """A mean and its interval, as places from left to right."""

    low: str
    mean: str
    high: str


def scale_of(histories: Iterable[Sequence[EpochRecord]]) -> Scale:
    """The scale that curves share, so that one can be compared with another.

    Its low end cuts off the steep first epochs, beside which all else would look alike.
    """
    values = sorted(
        record.val_accuracy
        for history in histories
        for record in history
        if record.val_accuracy is not None
    )
    return Scale(values[int(_LOWEST * len(values))], values[-1]) if values else Scale(0, 1)


def curve(
    history: Sequence[EpochRecord], planned: int, scale: Scale, height: float = HEIGHT
) -> Curve | None:
    """The curve of a run of `planned` epochs, as far as it got; None without validation."""
    places = [
        (
            _place((record.epoch - 1) / max(1, planned - 1), WIDTH),
            _place(1 - scale.fraction(record.val_accuracy), height),
            record,
        )
        for record in some_epochs(history, _POINTS)
        if record.val_accuracy is not None
    ]
    if not places:
        return None
    best = [(x, y) for x, y, record in places if record.is_best]
    # A line of one point is drawn as a dot, by its round ends.
    points = " ".join(f"{x} {y}" for x, y, _ in (*places, places[-1]))
    return Curve(f"M{points}", best[-1] if best else None)


def whisker(mean: float, interval: tuple[float, float] | None, scale: Scale) -> Whisker:
    """A mean with its interval; without one, both ends are the mean."""
    low, high = interval or (mean, mean)
    return Whisker(*(_place(scale.fraction(value), WIDTH) for value in (low, mean, high)))


def _place(fraction: float, size: float) -> str:
    return f"{_MARGIN + fraction * (size - 2 * _MARGIN):.4g}"
