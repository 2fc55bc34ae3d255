"""Class numbers from a user's labels: whole numbers or words, with or without gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handstitch.arrays import Labels
from handstitch.errors import DataError, listed, printable

MOST_CLASSES: Final = 2**16
"""Class numbers are at most two bytes."""

LabelKind = Literal["position", "number", "name"]
"""What a label is: the position of its class, from 0; or the name of its class, a whole number or
a word."""


class NumberedLabels(NamedTuple):
    """Labels as class numbers, and what they were."""

    numbers: Labels
    """(n,): positions in `names`."""
    names: tuple[str, ...]
    values: NDArray[Any]
    """The label of each class, as given."""
    kind: LabelKind


def number_labels(labels: ArrayLike, class_names: Iterable[str] | None = None) -> NumberedLabels:
    """The class number of each label (n,).

    Without `class_names` the distinct labels are the classes, numbers by value and words in natural
    order. With them, whole numbers count them from 0, and words are looked up in them. Raises
    DataError for labels of another kind, and for a word that is no class.
    """
    given = _one_axis(labels)
    kind: LabelKind = "name" if given.dtype.kind == "U" else "number"
    if class_names is None:
        values, numbers = np.unique(given, return_inverse=True)
        if kind == "name":
            words = values.tolist()
            order = sorted(range(len(words)), key=lambda i: (_natural(words[i]), words[i]))
            values, numbers = values[order], np.argsort(order)[numbers]
        names = tuple(str(value) if kind == "name" else str(int(value)) for value in values)
        if names == tuple(map(str, range(len(names)))) and kind == "number":
            kind = "position"
    else:
        names = tuple(map(str, class_names))
        if kind == "name":
            values, numbers = np.array(names), _look_up(given, names)
        else:
            values, numbers, kind = np.arange(len(names)), given, "position"
            _require_names(given, names)
    if len(names) > MOST_CLASSES:
        raise DataError(
            "too many classes",
            found=f"{len(names):,} classes",
            wanted=f"at most {MOST_CLASSES:,}",
            fix="are these labels? a class needs several samples",
        )
    return NumberedLabels(numbers.astype(label_type(len(names))), names, values, kind)


def label_type(classes: int) -> type[np.uint8 | np.uint16]:
    """The type of class numbers."""
    return np.uint8 if classes <= 256 else np.uint16


def values_of(class_names: tuple[str, ...], kind: LabelKind) -> NDArray[Any]:
    """The label of each class, from the names and the kind of labels in a model file."""
    if kind == "position":
        return np.arange(len(class_names))
    return np.array([int(name) for name in class_names] if kind == "number" else class_names)


def name_labels(labels: ArrayLike) -> NDArray[np.str_]:
    """Whole numbers as the names of their classes."""
    given = _one_axis(labels)
    return given if given.dtype.kind == "U" else given.astype(np.int64).astype(np.str_)


def _one_axis(labels: ArrayLike) -> NDArray[Any]:
    """Labels (n,) as words or whole numbers; floats and truth values keep their type."""
    try:
        given = np.asarray(labels)
    except ValueError as error:
        raise _wrong_labels(str(error), "one label for each sample") from error
    if given.ndim != 1 or not given.size:
        is_one_hot = given.ndim == 2 and given.shape[1] > 1
        fix = "numpy.argmax(labels, axis=1)" if is_one_hot else "one label for each sample"
        raise _wrong_labels(f"labels {given.dtype} {given.shape}", fix)
    if given.dtype.kind in "OT":  # as pandas has words
        is_word = isinstance(given[0], str)
        kind = str if is_word else (int, np.integer)
        odd = next((i for i, label in enumerate(given) if not isinstance(label, kind)), None)
        if odd is not None:
            raise _wrong_labels(f"{given[odd]!r} at position {odd:,}, counted from 0")
        return given.astype(np.str_ if is_word else np.int64)
    if given.dtype.kind == "f":
        is_odd = ~(np.isfinite(given) & (given == np.round(given)))
        if is_odd.any():
            position = int(np.argmax(is_odd))
            raise _wrong_labels(f"{given[position]} at position {position:,}, counted from 0")
    elif given.dtype.kind not in "biuU":
        raise _wrong_labels(f"labels {given.dtype} {given.shape}", "labels.astype(str)")
    return given


def _wrong_labels(
    found: str, fix: str = "name the class of every sample, or leave it out"
) -> DataError:
    return DataError(
        "labels must be whole numbers or words",
        found=found,
        wanted="one axis (n,), a label for each sample",
        fix=fix,
    )


def _look_up(words: NDArray[np.str_], names: tuple[str, ...]) -> NDArray[np.intp]:
    """The position of each word in `names`."""
    distinct, numbers = np.unique(words, return_inverse=True)
    places = {name: place for place, name in enumerate(names)}
    unknown = [word for word in distinct.tolist() if word not in places]
    if unknown:
        raise DataError(
            f"unknown class: {printable(unknown[0])}",
            found=f"{listed(unknown)}, at position {int(np.argmax(words == unknown[0])):,}, "
            "counted from 0",
            wanted=f"one of {listed(names)}",
            fix="correct the label, leave its samples out, or train with this class",
        )
    found: NDArray[np.intp] = np.array([places[word] for word in distinct.tolist()])[numbers]
    return found


def _require_names(numbers: NDArray[Any], names: tuple[str, ...]) -> None:
    low, high = int(numbers.min()), int(numbers.max())
    if not 0 <= low <= high < len(names):
        raise DataError(
            "a label has no class name",
            found=f"labels from {low} to {high}, {len(names)} class names",
            wanted=f"labels from 0 to {len(names) - 1}",
            fix="name every class, counting from 0",
        )


def _natural(word: str) -> list[tuple[bool, int, str]]:
    """A sorting key by which 9 comes before 10, and both before letters."""
    # Of two numbers the longer one is the larger; int() would refuse very long ones.
    parts = ((part.isdecimal(), part) for part in re.split(r"(\d+)", word) if part)
    return [
        (False, len(digits := part.lstrip("0")), digits) if is_number else (True, 0, part)
        for is_number, part in parts
    ]
