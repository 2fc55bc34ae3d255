"""What a comparison found: plain typed structs, ready for JSON."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from handstitch.search.statistics import Interval

Part = Literal["test", "validation"]


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison: a network, or the networks of one recipe with several seeds."""

    letter: str
    """A for the first one, B, C, …"""
    name: str
    """The path that was given, or what the paths have in common."""
    networks: list[str]
    """The path of each, in order of their seeds."""
    seeds: list[int | None]
    """None for an imported network."""
    accuracies: list[float]
    """Of each network on the images of the comparison."""
    mean: float
    interval: Interval | None
    """95 %: of one network Wilson's over the images, of three or more Student's over the seeds."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting in which the sides differ."""

    name: str
    values: list[Any]
    """In the order of the sides; None where it is unknown."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """An image that one network answered correctly and the other did not."""

    position: int
    """Among the images of the comparison, counted from 0."""
    label: str
    answers: tuple[str, str]
    """Of the first side and of the second."""
    probabilities: tuple[float, float]
    """Of these answers."""


class ByImage(msgspec.Struct, frozen=True, kw_only=True):
    """Two networks on the same images."""

    seed: int | None
    """That both were trained with; None where they were not."""
    n: int
    """Images."""
    both: int
    """Images that both answer correctly."""
    won: int
    """Images that only the second one does."""
    lost: int
    """Images that only the first one does."""
    neither: int
    difference: float
    """Accuracy of the second less that of the first: (won − lost)/n."""
    interval: Interval
    """Tango's, at 1 − alpha of the comparison."""
    p: float
    """McNemar's exact test."""
    is_different: bool
    """Whether p is below alpha."""
    images_needed: int | None
    """For a difference of this size and a power of 0.8; None where none was observed."""
    detectable: float
    """The difference that so many images show with a power of 0.8."""
    examples_won: list[Example]
    """The first of them by the probability that the first side gave to its wrong answer."""
    examples_lost: list[Example]


class BySeed(msgspec.Struct, frozen=True, kw_only=True):
    """Two recipes over their seeds."""

    is_paired: bool
    """Whether the same seeds are compared one by one; else all of one with all of the other."""
    seeds: tuple[int, int]
    """Number of seeds of the first and of the second side that count."""
    difference: float
    """Mean accuracy of the second less that of the first."""
    interval: Interval | None
    """Student's or Welch's, at 1 − alpha of the comparison; None with one seed."""
    deviation: float | None
    """Standard deviation over the seeds: of the differences if paired, else of one seed."""
    is_different: bool | None
    """Whether the interval is without 0; None where there is none."""
    seeds_needed: int | None
    """Of each, for a difference of this size and a power of 0.8; None where it is unknown."""
    detectable: float | None
    """The difference that so many seeds show with a power of 0.8."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two sides of a comparison, by their letters."""

    first: str
    second: str
    by_image: list[ByImage]
    """One network with one, or of each seed that both sides have."""
    by_seed: BySeed | None
    """None for two networks of one recipe, which are no two recipes."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Sides compared with the first one."""

    dataset: str
    part: Part
    """Whose images count."""
    images: int
    """Of each network."""
    alpha: float
    """Level of each test: 0.05 divided by the number of pairs, so that all of them together are at
    most 0.05."""
    sides: list[Side]
    settings: list[Setting]
    """In which the sides differ."""
    pairs: list[Pair]
    """Each other side with the first."""
    indistinguishable: list[str] | None
    """Of three sides or more over common seeds, as in the ranking of a search: the letters of
    those that are indistinguishable from the best, itself among them; else None."""
