"""Class weights as text: the word `balanced`, CLASS=WEIGHT, or a table of two columns in a file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from handstitch.config.messages import format_value, nearest_name
from handstitch.errors import Argument, ConfigError, Phrase

BALANCED: Final = "balanced"
LARGEST: Final = 1e6
"""Of a weight: beyond, float32 forgets the other samples."""
WANTED: Final = (
    "balanced, or each class once as CLASS=WEIGHT, weights above 0 and up to 1e6, 30,000 letters "
    "in all"
)
_LONGEST: Final = 30_000
"""Letters, so that a config file can be read again."""


def items(value: object) -> object:
    """A word, or a mapping of classes to weights, as a list of items of the setting."""
    if isinstance(value, Mapping):
        return [f"{name}={format_value(weight)}" for name, weight in value.items()]
    return [value] if isinstance(value, str) else value


def parse(value: Sequence[str]) -> dict[str, float]:
    """Class → weight; none for `balanced` and where every weight is 1. Raises ValueError."""
    if tuple(value) == (BALANCED,):
        return {}
    pairs = [item.rpartition("=") for item in value]
    weights = {name: float(number) for name, _, number in pairs}
    if len(weights) < len(pairs) or not all(0 < weight <= LARGEST for weight in weights.values()):
        raise ValueError(WANTED)
    if sum(map(len, value)) > _LONGEST:
        raise ValueError(WANTED)
    return weights


def read(words: Iterable[str]) -> list[str]:
    """The items of the setting from words typed: `balanced`, pairs with commas between, or a path.

    Raises ConfigError for a file that cannot be read or has another content.
    """
    found: list[str] = []
    for word in words:
        if word == BALANCED:
            found.append(word)
        elif "=" in word:
            found += _pairs(word)
        else:
            found += _read_file(Path(word))
    return found


def _pairs(text: str) -> list[str]:
    """The parts of text between commas; a comma that no number is before is part of a name."""
    parts: list[str] = []
    begun = ""
    for piece in text.split(","):
        begun += piece
        if _is_number(begun.rpartition("=")[2]):
            parts.append(begun)
            begun = ""
        else:
            begun += ","
    return [*parts, begun.removesuffix(",")] if begun else parts


def _read_file(path: Path) -> list[str]:
    try:
        from handstitch import storage  # NumPy would be imported with it

        text = storage.read_file(path, 2**20).decode("utf-8-sig")
        rows = [row for row in csv.reader(text.splitlines()) if row]
    except (OSError, ValueError, csv.Error) as error:
        meant = nearest_name(str(path), [BALANCED])
        raise ConfigError(
            "the file with class weights cannot be read",
            file=path,
            found=getattr(error, "strerror", None) or str(error),
            wanted=f"{BALANCED}, CLASS=WEIGHT for each class, or a file with lines class,weight",
            fix=Phrase("perhaps: {}", Argument("class_weight", meant))
            if meant
            else "check its name and permissions",
        ) from None
    is_headed = bool(rows) and len(rows[0]) == 2 and not _is_number(rows[0][1])
    found: dict[str, str] = {}
    for row in rows[is_headed:]:
        name, weight = (cell.strip() for cell in row) if len(row) == 2 else ("", "")
        if name in found or not _is_number(weight) or not 0 < float(weight) <= LARGEST:
            raise ConfigError(
                "a line of the class weights is not a class and its weight",
                file=path,
                found=f"{','.join(row)}{' once more' if name in found else ''}",
                wanted="lines class,weight, one for each class, weights above 0 and up to 1e6",
                fix="correct that line",
            )
        found[name] = weight
    if not found:
        raise ConfigError(
            "the file with class weights is empty",
            file=path,
            found="no line of a class and its weight",
            wanted="lines class,weight, one for each class",
            fix=Phrase("write them, or use {}", Argument("class_weight", BALANCED)),
        )
    return [f"{name}={weight}" for name, weight in found.items()]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
