"""Tables with a label column, read by pyarrow: CSV, also compressed by gzip, and Parquet.

A folder has a table for each part: train.csv and test.csv, or fashion-mnist_train.csv and
fashion-mnist_test.csv; Parquet also in pieces (train-00000-of-00002.parquet). What is in the
columns, `columns` says. Tables are read batch by batch, so that what is wrong with them is found
before the rest takes memory.
"""

from __future__ import annotations

import csv
import logging
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

from handstitch.data import files
from handstitch.data.readers import columns, layouts, picture_columns
from handstitch.data.readers.columns import Columns, ReadColumns, TableLayout
from handstitch.data.readers.parts import Parts, Samples
from handstitch.data.readers.picture_columns import Pictures
from handstitch.errors import DataError, UsageError, listed, printable
from handstitch.records import ReadingOptions
from handstitch.storage import file_types

_logger = logging.getLogger(__name__)

SUFFIXES: Final = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
_BLOCK: Final = 2**23
"""The most bytes of a row of CSV; what is read at a time."""
_BATCH: Final = 4096
_FEW: Final = 64
"""Rows of pictures that are read at a time."""
_HEAD: Final = 2**21
"""Bytes at the beginning of a CSV file that are looked at first."""
_MOST_COLUMNS: Final = 200_000
"""As many as 256 × 256 pixels in colour have."""
_SAMPLE: Final = 1000
"""Rows from which the number of rows is estimated."""


class _Head(NamedTuple):
    """What the first rows of a CSV file say."""

    first: tuple[str, ...]
    delimiter: str
    is_packed: bool
    rows: int


def read(path: str | Path, options: ReadingOptions = ReadingOptions()) -> Parts:  # noqa: B008
    """The data set in a table, or in the tables of a folder.

    Raises DataError for what is wrong with them, UsageError without pyarrow or for a label column
    that `options` names in vain, MachineError for a table larger than memory.
    """
    parts: dict[str, Samples] = {}
    names: tuple[str, ...] = ()
    for part, tables in _tables(Path(path)).items():
        collected: Columns | Pictures | None = None
        for table in tables:
            with _opened(table, options) as (source, read_columns):
                if source.label is None and part != "train":
                    _logger.warning("%s has no label column; left out", printable(table))
                    break
                columns.require_label(source, options.labels_key)
                collected = collected or _collector(source, options)
                collected.add(source, read_columns)
        if collected is not None:
            parts[part] = collected.samples()
            names = collected.source.class_names if part == "train" else names
    return Parts(parts["train"], parts.get("validation"), parts.get("test"), names)


def read_features(path: str | Path, inputs: int, options: ReadingOptions) -> NDArray[Any]:
    """The images or features in a table without labels, or beside them, for a network of `inputs`.

    A table with as many columns as the network has inputs has no labels. Raises as `read` does.
    """
    with _opened(Path(path), options) as (source, read_columns):
        collected = _collector(source.without_labels(inputs), options)
        collected.add(source, read_columns, is_labelled=False)
    return collected.images()


def _collector(source: TableLayout, options: ReadingOptions) -> Columns | Pictures:
    return Columns(source) if source.pictures is None else Pictures(source, options)


def _tables(path: Path) -> dict[str, list[Path]]:
    """The files of each part. Raises DataError if there are none to train on, or too many."""
    if not path.is_dir():
        return {"train": [path]}
    tables: dict[str, list[Path]] = {}
    for file in sorted((*path.iterdir(), *path.glob("data/*"))):
        if file.name.lower().endswith(SUFFIXES):
            tables.setdefault(layouts.role(file.name).part, []).append(file)
    for several in tables.values():
        if len(several) > 1 and not all("-of-" in file.name for file in several):
            raise DataError(
                "several tables for the same part",
                file=printable(path),
                found=listed([file.name for file in several]),
                wanted="one for each part: train.csv and test.csv",
                fix="put each data set in a folder of its own, or name one of the tables",
            )
    if "train" not in tables:
        raise DataError(
            "no table to train on here",
            file=printable(path),
            found=listed([file.name for several in tables.values() for file in several])
            or "neither CSV nor Parquet",
            wanted="train.csv or train.parquet, with test.csv or test.parquet if there is one",
            fix="put the table there, or name the table instead of the folder",
        )
    return tables


@contextmanager
def _opened(path: Path, options: ReadingOptions) -> Iterator[tuple[TableLayout, ReadColumns]]:
    """A table, and what reads its columns in batches. Raises DataError for bad rows."""
    arrow = _import_pyarrow()
    names: tuple[str, ...] = ()
    with files.open_file(path, columns.PROBLEM, columns.WANTED, columns.FIX) as file:
        try:
            is_parquet = file.read(4) == b"PAR1"
            file.seek(0)
            opened = _open_parquet if is_parquet else _open_csv
            source, read_columns = opened(arrow, file, printable(path), options)
            names = source.names
            yield source, read_columns
        except arrow.lib.ArrowException as error:
            raise ValueError(_explain(str(error), names)) from error
        except OSError as error:
            if error.errno:
                raise
            raise ValueError(f"damaged: {error}") from error  # what is packed in the file


def _import_pyarrow() -> Any:
    try:
        import pyarrow  # noqa: ICN001  # its modules are named below, too
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            "pyarrow is not installed, which reads tables",
            found="no module pyarrow",
            wanted="Handstitch with its extra `tables`",
            fix="pip install 'handstitch[tables]', or save the data as .npy",
        ) from error
    return pyarrow


def _open_parquet(
    arrow: Any, file: BufferedReader, where: str, options: ReadingOptions
) -> tuple[TableLayout, ReadColumns]:
    table = arrow.parquet.ParquetFile(file)
    if table.metadata.num_columns > _MOST_COLUMNS:
        raise ValueError(f"more than {_MOST_COLUMNS:,} columns")
    schema = table.schema_arrow
    names = tuple(schema.names)
    label = columns.find_label(names, options.labels_key)
    pictures = picture_columns.find(schema, label, where, options.images_key)
    class_names = () if label is None else picture_columns.class_names(schema, names[label])
    rows, facts = table.metadata.num_rows, os.fstat(file.fileno())
    version = f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"
    source = TableLayout(where, names, True, label, rows, 1, pictures, class_names, version)

    def read_columns(chosen: Sequence[int], label: int | None) -> Iterator[Sequence[Any]]:
        keys = [names[column] for column in ([*chosen, label] if label is not None else chosen)]
        size = _BATCH if pictures is None else _FEW
        for batch in table.iter_batches(size, columns=keys, use_threads=False):
            yield [batch.column(key) for key in keys]

    return source, read_columns


def _open_csv(
    arrow: Any, file: BufferedReader, where: str, options: ReadingOptions
) -> tuple[TableLayout, ReadColumns]:
    head, chosen = _read_head(file), options.labels_key
    has_names = columns.is_header(head.first, chosen)
    names = head.first if has_names else tuple(str(n + 1) for n in range(len(head.first)))
    label = columns.find_label(names, chosen)
    if label is None and not has_names and not chosen:
        label = columns.first_label(head.first)
    source = TableLayout(where, names, has_names, label, head.rows, 1 + has_names)

    def read_columns(chosen: Sequence[int], label: int | None) -> Iterator[Sequence[Any]]:
        # By number: two columns may have one name.
        keys = [str(column) for column in ([*chosen, label] if label is not None else chosen)]
        kinds = dict.fromkeys(keys, arrow.float32()) | {str(label): arrow.string()}
        stream = arrow.csv.open_csv(
            arrow.CompressedInputStream(file, "gzip") if head.is_packed else file,
            arrow.csv.ReadOptions(
                use_threads=False,  # or errors have no number of a row
                block_size=_BLOCK,
                column_names=[str(column) for column in range(len(names))],
                skip_rows=int(has_names),
            ),
            arrow.csv.ParseOptions(delimiter=head.delimiter),
            arrow.csv.ConvertOptions(
                column_types=kinds, include_columns=keys, null_values=[""], strings_can_be_null=True
            ),
        )
        yield from (batch.columns for batch in stream if batch.num_rows)

    return source, read_columns


def _read_head(file: BufferedReader) -> _Head:
    """The first row of a CSV file, its separator and an estimate of the number of rows."""
    size = os.fstat(file.fileno()).st_size
    text = packed = file.read(_HEAD)
    file.seek(0)
    is_packed = packed.startswith(b"\x1f\x8b")
    if is_packed:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            text = unpacker.decompress(packed, _HEAD)
        except zlib.error as error:
            raise ValueError(f"gzip, damaged: {error}") from error
        size = size * len(text) // (len(packed) - len(unpacker.unconsumed_tail))
    kind = file_types.identify(text[: file_types.HEAD])
    if kind or b"\0" in text:
        raise ValueError(kind or "no text, or text in UTF-16")
    lines = text.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").splitlines()
    if not lines or not lines[0].strip():
        raise ValueError("an empty first row")
    if len(lines) == 1 and len(text) >= _HEAD:
        raise ValueError(f"a first row longer than {_HEAD:,} bytes")
    delimiter = max(",;\t", key=lines[0].count)
    if lines[0].count(delimiter) >= _MOST_COLUMNS:
        raise ValueError(f"more than {_MOST_COLUMNS:,} columns")
    try:
        first = next(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise ValueError(f"a first row that is none: {error}") from error
    sample = lines[:_SAMPLE]
    rows = size * len(sample) // len("\n".join(sample).encode())
    return _Head(tuple(first), delimiter, is_packed, rows)


def _explain(message: str, names: tuple[str, ...]) -> str:
    """What pyarrow says of a CSV file, with rows as a spreadsheet numbers them, columns by name."""
    if found := re.search(r"column #(\d+): Row #(\d+): .*invalid value '(.*)'", message, re.DOTALL):
        column, row, value = found.groups()
        return f"{value[:40]!r} in row {row}, column {names[int(column)]}"
    if found := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message):
        row, wanted, got = found.groups()
        return f"{got} columns in row {row}, {wanted} in the first"
    if found := re.search(r"Row #(\d+): .*invalid UTF8", message):
        return f"text that is not UTF-8 in row {found[1]}"
    if "straddling" in message:
        return f"a row longer than {_BLOCK:,} bytes"
    return message.partition("\n")[0][:200]
