"""Column of pictures in a Parquet table, each the content of a file, as Hugging Face writes them.

    image: bytes, or {"bytes": …, "path": …}    label: a class, by number or in words

They are decoded as files of pictures are, with the same refusals, and only once.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from handstitch.data import decoded
from handstitch.data.readers import columns, layouts, pictures
from handstitch.data.readers.columns import ReadColumns, TableLayout
from handstitch.data.readers.parts import Samples
from handstitch.errors import Argument, DataError, Phrase, UsageError, listed
from handstitch.machine import memory
from handstitch.records import ReadingOptions

_logger = logging.getLogger(__name__)

_CONTENT: Final = "bytes"
_LONGEST: Final = 2**20
"""The most bytes of the description of a table that is looked at for the names of classes."""


def find(schema: Any, label: int | None, where: str, chosen: str) -> int | None:
    """The column with pictures: the one that is `chosen`, or is called so, or is the only one.

    Raises UsageError if `chosen` is none of several, DataError if nothing says which it is.
    """
    found = [n for n, each in enumerate(schema) if n != label and _holds_bytes(each.type)]
    names = [schema.names[n] for n in found]
    if chosen and found and chosen not in names:
        raise UsageError(
            f"no column of pictures is called {chosen}",
            file=where,
            found=f"columns of bytes: {listed(names)}",
            wanted="a column with the content of picture files",
            fix=Phrase("name it, for example: {}", Argument("images_key", names[0])),
        )
    usual = [n for n in found if layouts.role(schema.names[n]).kind == "images"]
    among = [schema.names.index(chosen)] if chosen in names else usual or found
    if len(among) > 1:
        raise DataError(
            "several columns may be the pictures",
            file=where,
            found=listed([schema.names[n] for n in among]),
            wanted="one",
            fix=Phrase("say which: {}", Argument("images_key", schema.names[among[0]])),
        )
    return among[0] if among else None


def _holds_bytes(kind: Any) -> bool:
    if str(kind).startswith("struct"):
        place = kind.get_field_index(_CONTENT)
        return place >= 0 and _holds_bytes(kind.field(place).type)
    return str(kind) in {"binary", "large_binary"}


def class_names(schema: Any, label: str) -> tuple[str, ...]:
    """Names of the classes 0, 1, … that Hugging Face writes beside a table; else empty."""
    text = (schema.metadata or {}).get(b"huggingface", b"")[:_LONGEST]
    try:
        feature = msgspec.json.decode(text)["info"]["features"][label]
        return msgspec.convert(feature["names"], tuple[str, ...])
    except (msgspec.MsgspecError, RecursionError, LookupError, TypeError):
        return ()


class Pictures:
    """Samples of one or more tables with a column of pictures."""

    def __init__(self, source: TableLayout, options: ReadingOptions) -> None:
        self.source, self.options = source, options
        self.arrays: list[NDArray[np.uint8]] = []
        self.labels: list[NDArray[Any]] = []

    def add(self, source: TableLayout, read: ReadColumns, *, is_labelled: bool = True) -> None:
        """Add the rows of a table, with their labels if it `is_labelled`.

        Raises DataError for what is missing or no picture that is read, MachineError for more than
        memory holds.
        """
        column = source.pictures
        if source.names != self.source.names or column is None:
            found = f"columns {listed(source.names)}, unlike the first table's"
            raise columns.fault(source.where, found)
        if not source.rows:
            raise columns.fault(source.where, "no rows")
        others = [name for n, name in enumerate(source.names) if n not in {column, source.label}]
        if others and not self.arrays:
            _logger.info("%s: the columns %s are passed over", source.where, listed(others))
        if is_labelled and source.label is not None:
            row = source.first
            for (labels,) in read([], source.label):
                self.labels.append(columns.read_labels(source, labels, row))
                row += len(labels)
            _require_rows(source, row)
        options = self.options
        settings = (options.image_size, options.grayscale, source.names[column])
        self.arrays.append(
            decoded.cached(
                _key(source, settings),
                lambda: pictures.decode_all(_contents(source, column, read), source.rows, options),
            )
        )

    def samples(self) -> Samples:
        """All samples. Raises DataError for labels that are no classes."""
        return Samples(self.images(), columns.to_classes(self.labels, self.source))

    def images(self) -> NDArray[np.uint8]:
        """Their images: in colour if one table has colours. Raises DataError if sizes differ."""
        shapes = {array.shape[1:3] for array in self.arrays}
        if len(shapes) > 1:
            raise DataError(
                "the pictures are not of one size",
                file=self.source.where,
                found=" and ".join(f"{high} × {wide} pixels" for high, wide in sorted(shapes)),
                wanted="pictures of one size in all tables",
                fix=Phrase(
                    "have them resized, for example by {}", Argument("image_size", (64, 64))
                ),
            )
        if len(self.arrays) == 1:
            return self.arrays[0]
        axes = max(array.ndim for array in self.arrays)
        memory.require(sum(array.nbytes for array in self.arrays) * 3, "the pictures of all tables")
        return np.concatenate(
            [
                array if array.ndim == axes else np.repeat(array[..., np.newaxis], 3, 3)
                for array in self.arrays
            ]
        )


def _contents(source: TableLayout, column: int, read: ReadColumns) -> Iterator[pictures.Content]:
    """The pictures of a table, one after another. Raises DataError for one that is missing."""
    row = source.first
    for (values,) in read([column], None):
        for value in values.to_pylist():
            content = value.get(_CONTENT) if isinstance(value, dict) else value
            where = f"{source.where}, row {row}"
            if content is None:
                raise DataError(
                    "there is no picture in a row of this table",
                    file=where,
                    found=f"nothing in column {source.names[column]}, or only the path of a file",
                    wanted="the content of a picture file in each row",
                    fix="leave the row out, or save the table with the content of its pictures",
                )
            yield pictures.Content(where, content)
            row += 1
    _require_rows(source, row)


def _require_rows(source: TableLayout, end: int) -> None:
    """Raise ValueError unless all rows that the table is said to have were read."""
    if end - source.first != source.rows:
        raise ValueError(f"damaged: {end - source.first:,} rows, said to be {source.rows:,}")


def _key(source: TableLayout, settings: object) -> str:
    import PIL

    facts = (PIL.__version__, source.where, source.version, settings)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]
