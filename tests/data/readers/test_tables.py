"""CSV and Parquet tables, as people have them."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handstitch.data import loading
from handstitch.data.readers import tables
from handstitch.machine import memory
from handstitch.records import ReadingOptions
from tests.data.idx_files import labels
from tests.data.readers.refusals import refused

pa = pytest.importorskip("pyarrow", reason="the extra `tables` is not installed")
pq = pytest.importorskip("pyarrow.parquet")

IMAGES = np.random.default_rng(5).integers(0, 256, (20, 8, 8), np.uint8)
LABELS = labels(20).astype(np.int64)
FLAT = IMAGES.reshape(20, 64)


def text(rows: Any, header: Any = None, delimiter: str = ",") -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerows([header] if header else [])
    writer.writerows(rows)
    return stream.getvalue()


def with_label_first(flat: Any = FLAT, label: Any = LABELS) -> list[list[Any]]:
    return [[name, *row] for name, row in zip(label.tolist(), flat.tolist(), strict=True)]


def pixels(start: int = 0, n: int = 64, name: str = "pixel") -> list[str]:
    return ["label", *(f"{name}{number}" for number in range(start, start + n))]


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8", newline="")
    return path


LAYOUTS = {
    "Fashion-MNIST of Kaggle": text(with_label_first(), pixels(1)),
    "Digit Recognizer": text(with_label_first(), pixels(0)),
    "1x1": text(with_label_first(), ["label", *(f"{r}x{c}" for r in range(8) for c in range(8))]),
    "numbers": text(with_label_first(), ["label", *range(64)]),
    "no header": text(with_label_first()),
    "label last": text([[*r[1:], r[0]] for r in with_label_first()], [*pixels()[1:], "Label"]),
    "label inside": text([[*r[1:9], r[0], *r[9:]] for r in with_label_first()],
                         [*pixels()[1:9], "class", *pixels()[9:]]),
    "floats": text(with_label_first(FLAT.astype(float), LABELS.astype(float)), pixels()),
    "semicolons": text(with_label_first(), pixels(), ";"),
    "tabs": text(with_label_first(), pixels(), "\t"),
    "byte order mark": "\ufeff" + text(with_label_first(), pixels()),
    "line feeds": text(with_label_first(), pixels()).replace("\r\n", "\n"),
    "empty lines": text(with_label_first(), pixels()).replace("\r\n", "\r\n\r\n"),
    "quotes": text(with_label_first(), pixels()).replace("label", '"label"'),
    "index of pandas": text([[n, *r] for n, r in enumerate(with_label_first())], ["", *pixels()]),
    "0 to 1": text(with_label_first((FLAT / 255).round(6)), pixels()),
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_images(tmp_path: Path, layout: str, packed: bool) -> None:
    content = LAYOUTS[layout].encode()
    path = tmp_path / ("own.csv" if packed else "own.csv.gz")  # the name does not decide
    path.write_bytes(gzip.compress(content) if packed else content)
    train = tables.read(path, ReadingOptions()).train
    np.testing.assert_array_equal(train.images, IMAGES, strict=True)
    np.testing.assert_array_equal(train.labels, LABELS, strict=True)


NUMBERS = np.random.default_rng(6).normal(size=(20, 3)).astype(np.float32)
WORDS = np.array(["setosa", "virginica"] * 10)


def with_label_last(label: Any) -> list[list[Any]]:
    return [[*row, name] for row, name in zip(NUMBERS.tolist(), label.tolist(), strict=True)]


FEATURES: dict[str, tuple[str, Any, str]] = {
    "iris": (text(with_label_last(WORDS), ["a", "b", "c", "species"]), WORDS, "species"),
    "no header, words last": (text(with_label_last(WORDS)), WORDS, ""),
    "no header, words first": (text(with_label_first(NUMBERS, WORDS)), WORDS, ""),
    "target": (text(with_label_last(LABELS), ["a", "b", "c", "target"]), LABELS, ""),
    "y beside label": (text(with_label_last(LABELS), ["x", "y", "z", "label"]), LABELS, ""),
    "one name twice": (text(with_label_last(LABELS), ["a", "a", "a", "y"]), LABELS, ""),
    "column by number": (text(with_label_last(LABELS)), LABELS, "4"),
    "fractions in pixel columns": (
        text(with_label_first(NUMBERS[:, :1] * 1000), pixels(n=1)), LABELS, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FEATURES)
def test_other_numbers_are_features(tmp_path: Path, kind: str) -> None:
    content, wanted, column = FEATURES[kind]
    train = tables.read(
        write(tmp_path / "own.csv", content), ReadingOptions(labels_key=column)
    ).train
    numbers = NUMBERS[:, :1] * 1000 if "pixel" in kind else NUMBERS
    np.testing.assert_allclose(train.images, numbers, rtol=1e-6)
    assert train.images.dtype == np.float32
    np.testing.assert_array_equal(train.labels, wanted, strict=True)


def test_a_large_table_is_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_BLOCK", 2**12)
    rows = with_label_first(np.tile(FLAT, (50, 1)), np.tile(LABELS, 50))
    train = tables.read(write(tmp_path / "own.csv", text(rows, pixels())), ReadingOptions()).train
    np.testing.assert_array_equal(train.images, np.tile(IMAGES, (50, 1, 1)), strict=True)
    rows[700][3] = 0.5  # from here on, there are no bytes
    train = tables.read(write(tmp_path / "own.csv", text(rows)), ReadingOptions()).train
    assert train.images.shape == (1000, 64)
    assert train.images[700, 2] == 0.5
    np.testing.assert_array_equal(train.images[:700], np.tile(FLAT, (35, 1)))


# ── Parquet ────────────────────────────────────────────────────────────────────────────────────


def parquet(path: Path, flat: Any = FLAT, label: Any = LABELS, names: Any = None) -> Path:
    names = names or pixels(n=flat.shape[1])
    columns = [pa.array(label), *(pa.array(column) for column in flat.T)]
    pq.write_table(pa.table(columns, names=names), path)
    return path


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, np.float64])
def test_parquet(tmp_path: Path, kind: Any) -> None:
    train = tables.read(parquet(tmp_path / "own", FLAT.astype(kind)), ReadingOptions()).train
    np.testing.assert_array_equal(train.images, IMAGES, strict=True)
    np.testing.assert_array_equal(train.labels, LABELS, strict=True)


@pytest.mark.parametrize("dictionary", [False, True])
def test_parquet_with_words_and_features(tmp_path: Path, dictionary: bool) -> None:
    words = pa.array(WORDS.tolist())
    words = words.dictionary_encode() if dictionary else words
    names = ["kind", "a", "b", "c"]
    path = parquet(tmp_path / "own.parquet", NUMBERS, words, names)
    train = tables.read(path, ReadingOptions(labels_key="kind")).train
    np.testing.assert_array_equal(train.images, NUMBERS, strict=True)
    np.testing.assert_array_equal(train.labels, WORDS)


def test_parquet_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number, rows in enumerate((slice(12), slice(12, 20))):
        parquet(tmp_path / f"data/train-0000{number}-of-00002.parquet", FLAT[rows], LABELS[rows])
    parquet(tmp_path / "data/test-00000-of-00001.parquet", FLAT[:9], LABELS[:9])
    parts = tables.read(tmp_path, ReadingOptions())
    np.testing.assert_array_equal(parts.train.images, IMAGES)
    assert parts.test is not None
    np.testing.assert_array_equal(parts.test.images, IMAGES[:9])


# ── Folders ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stem", ["{}.csv", "fashion-mnist_{}.csv", "{}.csv.gz"])
def test_a_pair_of_tables(tmp_path: Path, stem: str) -> None:
    write(tmp_path / stem.format("train"), LAYOUTS["Digit Recognizer"])
    write(tmp_path / stem.format("test"), text(with_label_first()[:9], pixels()))
    parts = tables.read(tmp_path, ReadingOptions())
    assert len(parts.train.images) == 20
    assert parts.test is not None
    assert len(parts.test.images) == 9
    assert len(tables.read(tmp_path / stem.format("test"), ReadingOptions()).train.images) == 9


def test_a_test_table_without_labels_is_left_out_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "train.csv", LAYOUTS["Digit Recognizer"])
    write(tmp_path / "test.csv", text(FLAT.tolist(), pixels()[1:]))
    assert tables.read(tmp_path, ReadingOptions()).test is None
    assert "test.csv has no label column" in caplog.text


# ── The real images ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_fashion_mnist_is_that_of_its_name(fashion_mnist: Path, tmp_path: Path, form: str) -> None:
    official = loading.load("fashion-mnist", "train", fashion_mnist)
    flat = official.images[:2000].reshape(2000, 784)
    path = tmp_path / f"own.{form}"
    if form == "csv":
        write(path, text(with_label_first(flat, official.labels[:2000]), pixels(1, 784)))
    else:
        parquet(path, flat, official.labels[:2000])
    train = tables.read(path, ReadingOptions()).train
    np.testing.assert_array_equal(train.images, official.images[:2000], strict=True)
    np.testing.assert_array_equal(train.labels, official.labels[:2000])


# ── Bad input ──────────────────────────────────────────────────────────────────────────────────


def changed(row: int, column: int, value: object, layout: str = "header") -> str:
    rows = with_label_first()
    rows[row][column] = value
    return text(rows, pixels() if layout == "header" else None)


SHORT = text([*with_label_first()[:3], with_label_first()[3][:-1]], pixels())
BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    name: (lambda path, content=content: write(path, content), found)  # type: ignore[misc]
    for name, (content, found) in {
        "empty": ("", "an empty file"),
        "mark alone": ("\ufeff", "an empty first row"),
        "blank first": ("\n\nlabel,a\n1,2\n", "an empty first row"),
        "no end of row": ("1" * 200_000, "a first row that is none"),
        "no end of quote": ('"' + "1\n" * 200_000, "a first row that is none"),
        "header alone": (text([], pixels()), "no rows"),
        "labels alone": (text([[1], [2]], ["label"]), "no columns beside the labels"),
        "no label column": (text(FLAT.tolist(), pixels()[1:]), "columns pixel0, pixel1"),
        "label missing": (changed(4, 0, ""), "no label in row 6"),
        "label missing, no header": (changed(4, 0, "", "none"), "no label in row 5"),
        "label blank": (changed(4, 0, "  "), "no label in row 6"),
        "label nan": (changed(4, 0, "nan"), "label nan in row 6"),
        "label fraction": (changed(4, 0, "2.5"), "label 2.5 in row 6"),
        "ragged": (SHORT, "64 columns in row 5, 65 in the first"),
        "text": (changed(4, 7, "x"), "'x' in row 6, column pixel6"),
        "text, no header": (changed(4, 7, "x", "none"), "'x' in row 5, column 8"),
        "nothing": (changed(4, 7, ""), "nothing in row 6, column pixel6"),
        "NaN": (changed(4, 7, "nan"), "nan in row 6, column pixel6"),
        "infinite": (changed(4, 7, "inf"), "inf in row 6, column pixel6"),
        "too large": (changed(4, 7, "1e99"), "inf in row 6, column pixel6"),
        "256": (changed(4, 7, 256), "256 in row 6, column pixel6"),
        "-1": (changed(4, 7, -1), "-1 in row 6, column pixel6"),
        "unended quote": (changed(4, 7, "x").replace("x", '"'), "row"),
        "web page": ("<!DOCTYPE html><html>", "a web page"),
        "zip": ("PK\x03\x04", "a zip archive"),
        "UTF-16": ("l\0a\0b\0e\0l\0", "UTF-16"),
        "words": ("once upon a time\nthere was\n", "no columns beside"),
    }.items()
}


def alone(path: Path) -> Path:
    return write(path.with_name("test.csv"), "").parent


def two(path: Path) -> Path:
    write(path.with_name("a.csv"), "")
    return write(path.with_name("b.csv"), "").parent


def pictures(path: Path) -> Path:
    column = pa.array([{"bytes": b"\x89PNG", "path": "a.png"}])
    pq.write_table(pa.table({"image": column, "label": [1]}), path)
    return path


PACKED = gzip.compress(LAYOUTS["1x1"].encode())
HOLES = np.where(FLAT > 3, FLAT, np.nan)
BAD |= {
    "missing": (lambda path: path, "no file"),
    "Latin-1": (lambda path: _bytes(path, b"label,a\nGr\xfcn,1\n"), "not UTF-8 in row 2"),
    "gzip cut": (lambda path: _bytes(path, PACKED[:-9]), "Truncated"),
    "gzip bad": (lambda path: _bytes(path, b"\x1f\x8b\x08" + bytes(99)), "damaged"),
    "gzip checksum": (lambda path: _bytes(path, PACKED[:-7] + bytes(7)), "damaged"),
    "Parquet cut": (lambda path: _bytes(path, parquet(path).read_bytes()[:-9]), "magic bytes"),
    "Parquet, no labels": (lambda path: parquet(path, names=pixels(9, 65)[1:]), "pixel9"),
    "Parquet, text": (lambda path: parquet(path, WORDS[:, None]), "string in column pixel0"),
    "Parquet, no label": (lambda path: parquet(path, FLAT[:2], [1, None]), "no label in row 2"),
    "Parquet, NaN": (lambda path: parquet(path, HOLES), "nan in row"),
    "Parquet, floats": (lambda path: parquet(path, FLAT[:2], [1, 2.5]), "label 2.5 in row 2"),
    "Parquet, bytes": (lambda path: parquet(path, FLAT[:2], [b"1", b"2"]), "type binary"),
    "Parquet, pictures": (pictures, "a PNG picture, 4 bytes, damaged"),
    "folder without": (lambda path: path.parent, "neither CSV nor Parquet"),
    "test alone": (alone, "test.csv"),
    "two": (two, "a.csv, b.csv"),
}


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("row", BAD)
def test_bad_input(tmp_path: Path, row: str) -> None:
    make, found = BAD[row]
    (tmp_path / "x").mkdir()
    path = make(tmp_path / "x" / "own.csv")
    error = refused(lambda: tables.read(path, ReadingOptions()))
    assert found in str(error.found)
    assert str(path) in str(error.file)


def test_a_label_column_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", LAYOUTS["1x1"])
    error = refused(lambda: tables.read(path, ReadingOptions(labels_key="species")), exit_code=2)
    assert "label, 0x0, 0x1" in str(error.found)


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = write(tmp_path / "own.csv", LAYOUTS["1x1"])
    error = refused(lambda: tables.read(path, ReadingOptions()), exit_code=2)
    assert "pip install 'handstitch[tables]'" in str(error.fix)


@pytest.mark.parametrize("form", ["csv", "gzip", "parquet"])
def test_more_than_memory_is_refused_after_the_first_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(tables, "_BLOCK", 2**16)
    flat, label = np.tile(FLAT, (500, 1)), np.tile(LABELS, 500)
    path = tmp_path / "own"
    if form == "parquet":
        parquet(path, flat, label)
    else:
        content = text(with_label_first(flat, label), pixels()).encode()
        path.write_bytes(content if form == "csv" else gzip.compress(content))
    monkeypatch.setattr(memory, "available", lambda: 600_000)
    error = refused(lambda: tables.read(path, ReadingOptions()), exit_code=5)
    rows = int(error.problem.split("about ")[1].split()[0].replace(",", ""))
    assert rows == pytest.approx(10_000, rel=0.05)
    assert ".npy" in str(error.fix)
    monkeypatch.setattr(memory, "available", lambda: 10_000_000)
    assert len(tables.read(path, ReadingOptions()).train.images) == 10_000
