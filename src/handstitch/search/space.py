"""Search space: for each searched parameter a list of values, or a range.

Candidates are numbered. In a grid the parameters are in Config's order, whatever order they were
typed in, values in the order typed, and the last parameter changes fastest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import exp, log, prod
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from handstitch.config.messages import format_value, valid_values
from handstitch.config.precedence import read_flags
from handstitch.config.schema import field_types
from handstitch.errors import Argument, Phrase, UsageError
from handstitch.records import ReadingOptions

FIXED: Final = {
    **dict.fromkeys(
        ("dataset", *ReadingOptions.__struct_fields__),
        "all trials of a search must see the same images",
    ),
    "seed": Phrase(
        "{} trains each candidate with 5 seeds, from {} on", Argument("seeds", 5), Argument("seed")
    ),
    "threads": "threads decide how fast a trial is, not how good",
    "backend": "the backend decides how fast a trial is, not how good",
    "precision": "only some processors have bfloat16, and a search may use several machines; "
    "compare two recipes",
}
"""Settings that are not searched, and why."""

_MOST: Final = 10_000
_LARGEST: Final = 1e300


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Values from `low` to `high`, ends included: uniform, or with `log` log-uniform."""

    low: float | int
    high: float | int
    log: bool = False
    whole: bool = False
    widths: bool = False
    """Whether a number N stands for the hidden widths N and N/2."""

    def __post_init__(self) -> None:
        if not (0 if self.log else -_LARGEST) < self.low < self.high < _LARGEST:
            raise ValueError(f"{self}: two numbers, the lower first, with log both above 0")

    def __str__(self) -> str:
        return f"{'log:' if self.log else ''}{self.low}..{self.high}"

    def at(self, share: float) -> float | int:
        """The quantile of `share`, from 0 to 1, rounded to six digits so that it can be typed.

        Whole numbers have equal parts of the range each, on its scale.
        """
        half = 0.5 if self.whole else 0.0
        low, high = self.low - half, self.high + half
        value = exp(log(low) + share * (log(high) - log(low))) if self.log else (
            low + share * (high - low)
        )  # fmt: skip
        return self.clipped(value)

    def clipped(self, value: float) -> float | int:
        """A number rounded and clipped to the range."""
        near = round(value) if self.whole else float(f"{value:.6g}")
        return min(max(near, self.low), self.high)

    def value(self, number: float) -> Any:
        """The value of the parameter that a number of this range stands for."""
        return [number, int(number) // 2] if self.widths else number


Axis = Annotated[list[Any], Meta(min_length=1)] | Range
Parameters = dict[str, Axis]
"""Key of Config → its values, as `Config.to_dict` has them, or a range."""


def read(words: Mapping[str, tuple[str, ...]]) -> tuple[Parameters, dict[str, Any]]:
    """(search space, fixed settings) from the words behind each flag, in Config's order.

    A flag with one value is fixed. Raises UsageError for invalid values and ranges.
    """
    searched: Parameters = {}
    fixed: dict[str, Any] = {}
    for name in field_types():
        if name not in words:
            continue
        texts = words[name] or ("true",)  # a switch without a value
        # In a path .. is the folder above, and sides LOW..HIGH are one value.
        is_value = name in {"dataset", "class_weight", "receptive_field"}
        if name in FIXED and (len(texts) > 1 or (".." in texts[0] and not is_value)):
            raise UsageError(
                f"{name} is not searched",
                found=Phrase("{}", Argument(name, " ".join(texts))),
                wanted="one value",
                fix=FIXED[name],
            )
        if any(".." in text for text in texts) and not is_value:
            searched[name] = _range(name, texts)
        elif len(texts) == 1:
            fixed |= read_flags({name: texts})
        else:
            searched[name] = _values(name, texts)
    return searched, fixed


def size(parameters: Mapping[str, Axis]) -> int:
    """Number of points of the grid of these lists."""
    return prod(len(axis) for axis in parameters.values() if isinstance(axis, list))


def point(parameters: Mapping[str, Axis], number: int) -> dict[str, Any]:
    """The grid point of this number, counted from 0."""
    span, values = size(parameters), {}
    for name, axis in parameters.items():
        if isinstance(axis, list):
            span //= len(axis)
            values[name] = axis[number // span % len(axis)]
    return values


def draw(parameters: Parameters, rng: np.random.Generator) -> dict[str, Any]:
    """A random candidate: one number from `rng` for each parameter, in order."""
    shares = {name: float(rng.random()) for name in parameters}
    return {
        name: axis.value(axis.at(shares[name]))
        if isinstance(axis, Range)
        else axis[int(shares[name] * len(axis))]
        for name, axis in parameters.items()
    }


def extremes(parameters: Parameters) -> Iterator[dict[str, Any]]:
    """Candidates to validate before a search: every listed value and both ends of every range, in
    all combinations; where those are too many, each value with some of the others.
    """
    ends = {
        name: [axis.value(axis.low), axis.value(axis.high)] if isinstance(axis, Range) else axis
        for name, axis in parameters.items()
    }
    if size(ends) <= _MOST:
        yield from (point(ends, number) for number in range(size(ends)))
        return
    for number in range(max(map(len, ends.values()))):
        yield {name: axis[number % len(axis)] for name, axis in ends.items()}


def described(axis: Axis) -> str:
    """An axis as typed behind its flag."""
    return str(axis) if isinstance(axis, Range) else " ".join(format_value(value) for value in axis)


def _values(name: str, texts: tuple[str, ...]) -> list[Any]:
    values: list[Any] = []
    for text in texts:
        value = read_flags({name: (text,)})[name]
        value = list(value) if isinstance(value, tuple) else value
        if value in values:
            raise UsageError(
                f"{name} has the same value twice",
                found=Phrase("{}", Argument(name, " ".join(texts))),
                wanted=Phrase("different values; {} repeats all candidates", Argument("seeds", 5)),
                fix=f"remove one {format_value(text)}",
            )
        values.append(value)
    return values


def _range(name: str, texts: tuple[str, ...]) -> Range:
    """The range that is typed as one word. Raises UsageError."""
    words = valid_values(field_types()[name])
    widths = name == "hidden_sizes"
    whole = widths or words.startswith("a whole number")
    if len(texts) > 1 or not (whole or words.startswith("a number")):
        raise UsageError(
            f"{name} cannot be searched like this",
            found=Phrase("{}", Argument(name, " ".join(texts))),
            wanted=f"one range, or a list of values: {words}",
            fix=Phrase("for example: {}", Argument(name, "LOW..HIGH"))
            if len(texts) > 1
            else Phrase("{}", Argument(name, "VALUE VALUE …")),
        )
    text = texts[0].removeprefix("log:")
    try:
        low, high = (int(end) if whole else float(end) for end in text.split(".."))
        found = Range(low=low, high=high, log=text != texts[0], whole=whole, widths=widths)
    except ValueError:
        raise UsageError(
            f"invalid range of {name}",
            found=Phrase("{}", Argument(name, " ".join(texts))),
            wanted=f"two {'whole ' if whole else ''}numbers, the lower first: LOW..HIGH, or "
            "log:LOW..HIGH with both above 0",
            fix=Phrase(
                "for example: {}", Argument(name, "log:16..512" if whole else "log:0.0003..0.003")
            ),
        ) from None
    for number in (low, high):  # both must be valid values of the setting
        read_flags({name: (str(number),)})
    return found
