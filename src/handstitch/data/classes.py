"""Classes of a data set: the distinct labels in natural order, and labels as class numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from handstitch.errors import DataError, listed, printable

_MOST: Final = 65_536
_LONGEST: Final = 200
"""Letters of a class name: no model file holds longer ones."""
_DIGITS: Final = re.compile(r"([0-9]+)")


def natural(word: str) -> tuple[str, str]:
    """Sort key of the natural order, in which runs of digits are numbers: "9" before "10"."""
    parts = _DIGITS.split(word)
    # A number is written as the count of its digits, one letter, before them.
    for place in range(1, len(parts), 2):
        digits = parts[place].lstrip("0")
        parts[place] = chr(len(digits)) + digits
    return "".join(parts), word


def encode(
    labels: Mapping[str, NDArray[Any]], class_names: Sequence[str] = ()
) -> tuple[tuple[str, ...], dict[str, NDArray[Any]]]:
    """The class names, and the labels of each part as numbers that count classes from 0.

    Without `class_names` the classes are the distinct labels of the part "train", numbers by value
    and words in natural order; with them, labels are numbers already. The result is uint8 up to
    256 classes, else uint16. Raises DataError for fewer than two classes, for a label of another
    part that training never saw, and for a name that no model file could hold.
    """
    if len({each.dtype.kind for each in labels.values()}) > 1:
        labels = {part: each.astype(str) for part, each in labels.items()}
    classes = np.arange(len(class_names)) if len(class_names) else np.unique(labels["train"])
    names = tuple(class_names) or tuple(map(str, classes.tolist()))
    order = np.arange(len(names))
    if classes.dtype.kind == "U":
        order = np.array(sorted(order, key=lambda place: natural(names[place])))
        names = tuple(names[place] for place in order)
    _check(names)
    number = np.empty(len(names), np.uint8 if len(names) <= 256 else np.uint16)
    number[order] = np.arange(len(names))
    encoded = {}
    for part, each in labels.items():
        places = np.searchsorted(classes, each).clip(max=len(names) - 1)
        unknown = np.unique(each[classes[places] != each]).tolist()
        if unknown:
            raise DataError(
                f"the {part} part has a class that training never saw",
                found=listed([str(label) for label in unknown]),
                wanted=f"classes of the training part: {listed(names, 10)}",
                fix="add training samples of it, take it out of that part, or rename it as the "
                "class that it is",
            )
        encoded[part] = number[places]
    return names, encoded


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
    if len(names) > _MOST:
        raise DataError(
            "there are too many classes",
            found=f"{len(names):,} different labels: {listed(names, 4)}",
            wanted=f"{_MOST:,} classes at most",
            fix="check that the labels are classes, not measurements or the numbers of samples",
        )
    bad = [name for name in names if not 0 < len(name) <= _LONGEST or printable(name) != name]
    if bad:
        raise DataError(
            "a class has a name that cannot be used",
            found=f"{bad[0][:40]!r}, {len(bad[0]):,} characters",
            wanted=f"1 to {_LONGEST} visible characters, in UTF-8",
            fix="rename the class; of pictures, rename its folder",
        )
