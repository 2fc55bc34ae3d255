"""Class numbers from a user's labels: whole numbers or words, with or without gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
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


_DIGITS: Final = re.compile(r"([0-9]+)")
_LONGEST: Final = 200
"""Letters of a class name: no model file holds longer ones."""


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
            order = sorted(range(len(words)), key=lambda i: natural(words[i]))
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
            "there are too many classes",
            found=f"{len(names):,} different labels: {listed(names, 4)}",
            wanted=f"{MOST_CLASSES:,} classes at most",
            fix="check that the labels are classes, not measurements or the numbers of samples",
        )
    return NumberedLabels(numbers.astype(label_type(len(names))), names, values, kind)


def number_parts(
    labels: Mapping[str, NDArray[Any]], class_names: Sequence[str] = ()
) -> tuple[tuple[str, ...], dict[str, Labels]]:
    """The class names, and the class numbers of each part of a data set.

    The classes are those of the part "train", as in `number_labels`. Raises DataError for fewer
    than two classes, for a label of another part that training never saw, and for a name that no
    model file could hold.
    """
    numbered = number_labels(labels["train"], class_names or None)
    _check(numbered.names)
    numbers = {"train": numbered.numbers}
    for part in labels.keys() - {"train"}:
        given = labels[part] if class_names else name_labels(labels[part])
        try:
            numbers[part] = number_labels(given, numbered.names).numbers
        except DataError as error:
            raise replace(error, problem=f"{error.problem}, in the {part} part") from error
    return numbered.names, numbers


def natural(word: str) -> tuple[list[Any], str]:
    """Sort key of the natural order, in which runs of digits are numbers: "9" before "10"."""
    words: list[Any] = _DIGITS.split(word)
    # Digits compare by their count, then one by one: as numbers do, however long they are.
    words[1::2] = [(len(digits := each.lstrip("0")), digits) for each in words[1::2]]
    return words, word


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
            raise _wrong_labels(
                f"{given[position]} at position {position:,}, counted from 0: a continuous number"
            )
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


def _check(names: Sequence[str]) -> None:
    """Raise DataError unless a network can learn these classes and a model file name them."""
    if len(names) < 2:
        raise DataError(
            "all samples are of one class",
            found=f"the class {listed(names)} alone",
            wanted="two classes or more: a network learns what distinguishes them",
            fix="add another class; of pictures, each class has a folder of its own, and the "
            "folder above these is the data set",
        )
    bad = [name for name in names if not 0 < len(name) <= _LONGEST or printable(name) != name]
    if bad:
        raise DataError(
            "a class has a name that cannot be used",
            found=f"{bad[0][:40]!r}, {len(bad[0]):,} characters",
            wanted=f"1 to {_LONGEST} visible characters, in UTF-8",
            fix="rename the class; of pictures, rename its folder",
        )
