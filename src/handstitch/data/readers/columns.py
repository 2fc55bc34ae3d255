"""Columns of a table → samples: one holds the labels, the others pixels or features.

Labels are in the column that is called label, class, target or y; in a table without names in the
only one that holds words, else in the first. The others are pixels, by rows, if they are as many as
a square has and are called so (pixel0, 28x28, a number), or nothing at all and hold bytes; else
features. A column that pandas adds for its index is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from math import isqrt
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.data.readers import layouts
from handstitch.data.readers.parts import Samples
from handstitch.errors import Argument, DataError, Phrase, UsageError, listed
from handstitch.machine import memory

PROBLEM: Final = "a table that cannot be used"
WANTED: Final = "in each row a label and numbers, as many as in the first row, and none missing"
FIX: Final = "mend it in a spreadsheet or in pandas, and save it again as CSV (UTF-8) or Parquet"
_LABELS: Final = ("label", "labels", "class", "target", "y")
_PIXEL: Final = re.compile(r"(pixel|px)?[ _]?\d+|\d+x\d+", re.IGNORECASE)
_INDEX: Final = re.compile(r"(unnamed: \d+|__index_level_\d+__)?", re.IGNORECASE)
ReadColumns = Callable[[Sequence[int], int | None], Iterator[Sequence[Any]]]
"""From columns by number, and that with the labels or None, to their Arrow arrays in batches."""
_SMALLEST: Final = 64
"""Pixels of an image whose columns have no names; as few as 4 numbers may be anything."""


class TableLayout(NamedTuple):
    """A table, of which nothing but the first rows has been read."""

    where: str
    names: tuple[str, ...]
    """Of all columns; numbers from 1 where the table has no names."""
    has_names: bool
    label: int | None
    """The column with the labels."""
    rows: int
    """How many there are, perhaps estimated."""
    first: int
    """Number of the first row with data."""
    pictures: int | None = None
    """The column with pictures, in a table that has files of them."""
    class_names: tuple[str, ...] = ()
    """Names of the classes 0, 1, …, where the table has them."""
    version: str = ""
    """Changes with the file's content."""

    @property
    def features(self) -> list[int]:
        """The columns that are neither the labels nor an index."""
        return [
            column
            for column, name in enumerate(self.names)
            if column != self.label and not _INDEX.fullmatch(name.strip())
        ]

    def without_labels(self, inputs: int) -> TableLayout:
        """The table for a network of `inputs`: with as many columns it has no labels."""
        bare = self._replace(label=None)
        return bare if len(bare.features) == inputs else self

    @property
    def has_pixel_names(self) -> bool:
        """Whether all names are those of pixels."""
        return self.has_names and all(
            _PIXEL.fullmatch(self.names[n].strip()) for n in self.features
        )


def find_label(names: Sequence[str], chosen: str) -> int | None:
    """The column with the labels: the one that is chosen, or has a usual name."""
    usual = [name.strip().lower() for name in names]
    for wanted, among in [(chosen, list(names))] if chosen else [(name, usual) for name in _LABELS]:
        if wanted in among:
            return among.index(wanted)
    return None


def is_header(row: Sequence[str], chosen: str) -> bool:
    """Whether the first row holds names: two words, or the name of a label column."""
    is_name = bool(chosen) and _number(chosen) is None
    return len(_words(row)) > 1 or find_label(row, chosen if is_name else "") is not None


def first_label(row: Sequence[str]) -> int:
    """The column with the labels in a table without names."""
    words = _words(row)
    return words[0] if len(words) == 1 else 0


def require_label(source: TableLayout, chosen: str) -> None:
    """Raise DataError without a label column, UsageError without the one that is chosen."""
    if source.label is None:
        raise (UsageError if chosen else DataError)(
            f"no column is called {chosen}" if chosen else "no column is called label",
            file=source.where,
            found=f"columns {listed(source.names)}",
            wanted="a column with the class of each row",
            fix=Phrase("name it, for example: {}", Argument("labels_key", source.names[-1])),
        )


def _words(row: Sequence[str]) -> list[int]:
    """The columns that hold no number."""
    return [column for column, text in enumerate(row) if _number(text) is None]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


class Columns:
    """Samples of one or more tables with the same columns, batch by batch.

    Bytes are kept as bytes until a number comes that is none.
    """

    def __init__(self, source: TableLayout) -> None:
        self.source = source
        self.side = isqrt(len(source.features))
        is_square = self.side**2 == len(source.features) > 0
        self.is_pixels = is_square and source.has_pixel_names
        self.is_bytes = self.is_pixels or (
            is_square and not source.has_names and self.side**2 >= _SMALLEST
        )
        self.has_fractions = False
        self.beyond = ""
        """The first whole number that is no byte, with its place."""
        self.matrices: list[NDArray[Any]] = []
        self.labels: list[NDArray[Any]] = []

    def add(self, source: TableLayout, read: ReadColumns, *, is_labelled: bool = True) -> None:
        """Add the rows of a table, with their labels if it `is_labelled`.

        Raises DataError for what is missing, no number or not finite; MachineError for more than
        memory holds, as estimated after the first batch.
        """
        if source.names != self.source.names:
            raise fault(source.where, f"columns {listed(source.names)}, unlike the first table's")
        if not source.features:
            raise fault(source.where, "no columns beside the labels")
        row, chosen = source.first, self.source.features
        batches = read(chosen, source.label if is_labelled else None)
        for number, batch in enumerate(batches):
            features, labels = batch[: len(chosen)], batch[len(chosen) :]
            self._add_matrix(_matrix(source, features, row), source, row)
            self.labels += [read_labels(source, values, row) for values in labels]
            row += len(features[0])
            kept = sum(matrix.nbytes for matrix in self.matrices)
            estimate = source.rows * len(source.features) * self.matrices[-1].itemsize
            # At the end the batches are put together: for a moment everything is there twice.
            memory.require(
                kept + estimate if number == 0 else kept,
                f"{source.where}, about {source.rows:,} rows",
                "write it as images.npy and labels.npy, which are read from the disk as they are "
                "needed, or as Parquet with fewer columns",
            )

    def samples(self) -> Samples:
        """All samples. Raises DataError if there are none, and for pixels beyond 255."""
        images = self.images()
        return Samples(images, to_classes(self.labels, self.source))

    def images(self) -> NDArray[Any]:
        """Their images or features."""
        where = self.source.where
        if not self.matrices:
            raise fault(where, "no rows")
        if self.is_pixels and self.beyond and not self.has_fractions:
            raise fault(where, self.beyond, "pixels from 0 to 255")
        matrix = np.concatenate(self.matrices)
        self.matrices.clear()
        images: NDArray[Any] = matrix
        if self.is_bytes or self.is_pixels:
            images = layouts.to_images(matrix.reshape(-1, self.side, self.side), where)
        return images

    def _add_matrix(self, matrix: NDArray[np.float32], source: TableLayout, row: int) -> None:
        if self.is_bytes or self.is_pixels:
            is_whole = np.rint(matrix) == matrix
            is_byte = is_whole & (matrix >= 0) & (matrix <= 255)
            self.has_fractions |= not is_whole.all()
            if not self.beyond and (is_whole & ~is_byte).any():
                place = np.argwhere(is_whole & ~is_byte)[0]
                self.beyond = f"{matrix[tuple(place)]:g} in {_place(source, row, *place)}"
            if self.is_bytes and not is_byte.all():
                self.is_bytes = False
                self.matrices = [kept.astype(np.float32) for kept in self.matrices]
        self.matrices.append(matrix.astype(np.uint8) if self.is_bytes else matrix)


def fault(where: str, found: str, wanted: str = WANTED) -> DataError:
    """The error for a fault in a table."""
    return DataError(PROBLEM, file=where, found=found, wanted=wanted, fix=FIX)


def _not_numbers(source: TableLayout, column: str, kind: str) -> DataError:
    return fault(source.where, f"{kind} in column {column}", "numbers")


def _place(source: TableLayout, row: int, row_within: int, feature: int) -> str:
    return f"row {row + row_within}, column {source.names[source.features[feature]]}"


def _matrix(source: TableLayout, features: Sequence[Any], row: int) -> NDArray[np.float32]:
    """The features of a batch (rows, features). Raises DataError for what is no finite number."""
    matrix = np.empty((len(features[0]), len(features)), np.float32)
    for column, values in enumerate(features):
        kind = str(values.type)
        if not re.match(r"u?int|float|double|halffloat|bool|decimal", kind):
            raise _not_numbers(source, source.names[source.features[column]], kind)
        numbers = values if kind == "float" else values.cast("float32", safe=False)
        matrix[:, column] = numbers.to_numpy(zero_copy_only=False)
    if not np.isfinite(matrix).all():
        at, column = np.argwhere(~np.isfinite(matrix))[0]
        is_missing = not features[column][int(at)].is_valid
        value = "nothing" if is_missing else f"{matrix[at, column]}"
        raise fault(source.where, f"{value} in {_place(source, row, at, column)}")
    return matrix


def read_labels(source: TableLayout, values: Any, row: int) -> NDArray[Any]:
    """The labels of a batch, numbers or words. Raises DataError for a missing one."""
    is_missing: NDArray[Any] = values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    kind = str(values.type)
    if not is_missing.any() and "string" in kind:
        encoded = values if kind.startswith("dictionary") else values.dictionary_encode()
        words = np.array([word.strip() for word in encoded.dictionary.to_pylist()])
        labels: NDArray[Any] = words[encoded.indices.to_numpy()]
        is_missing = labels == ""
    else:
        labels = values.to_numpy(zero_copy_only=False)
    if is_missing.any():
        raise fault(source.where, f"no label in row {row + int(is_missing.argmax())}")
    if labels.dtype.kind not in "biufU":
        raise fault(source.where, f"labels of type {kind}", "words or whole numbers")
    return labels


def to_classes(batches: Sequence[NDArray[Any]], source: TableLayout) -> NDArray[Any]:
    """Labels as int64, if all are numbers, else as words; "3.0" is a whole number."""
    labels = numbers = np.concatenate(batches)
    places: Any = slice(None)
    if labels.dtype.kind == "U":
        words, places = np.unique(labels, return_inverse=True)
        parsed = [_number(word) for word in words.tolist()]
        if None in parsed:
            return labels
        numbers = np.array(parsed)
    is_whole = (np.rint(numbers) == numbers)[places]
    if not is_whole.all():
        row = int(is_whole.argmin())
        found = f"label {labels[row]} in row {source.first + row}"
        raise fault(source.where, found, "classes: words or whole numbers")
    classes: NDArray[Any] = layouts.to_labels(numbers, source.where)[places]
    return classes
