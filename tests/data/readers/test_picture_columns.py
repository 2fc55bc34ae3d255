"""Pictures in the rows of a Parquet table, as Hugging Face has them."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from handstitch.data import own
from handstitch.data.readers import folders, pictures, tables
from handstitch.data.readers.columns import TableLayout
from handstitch.errors import DataError, HandstitchError, MachineError, UsageError
from handstitch.machine import memory
from handstitch.records import ReadingOptions
from tests.data.picture_files import draw, expect_error

pa = pytest.importorskip("pyarrow", reason="the extra `tables` is not installed")
pq = pytest.importorskip("pyarrow.parquet")

LABELS = np.arange(12) % 3


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "cache"


def packed(image: Any, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, form)
    return stream.getvalue()


def contents(n: int = 12, shape: tuple[int, ...] = (6, 5, 3)) -> list[bytes]:
    return [packed(draw(shape, k)) for k in range(n)]


def write(
    path: Path, images: list[Any], labels: Any = LABELS, metadata: Any = None, **others: Any
) -> Path:
    columns = {"image": images, "label": labels, **others}
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def as_structs(content: list[bytes]) -> list[dict[str, Any]]:
    return [{"bytes": each, "path": f"{k}.png"} for k, each in enumerate(content)]


@pytest.mark.parametrize("form", [list, as_structs])
def test_pictures_in_rows_are_those_in_files(tmp_path: Path, form: Any) -> None:
    found = contents()
    for k, each in enumerate(found):
        file = tmp_path / "files" / str(LABELS[k]) / f"{k}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(each)
    order = np.argsort(LABELS, kind="stable")
    table = write(tmp_path / "x.parquet", form([found[k] for k in order]), LABELS[order])
    for options in (
        ReadingOptions(),
        ReadingOptions(image_size=(4, 4)),
        ReadingOptions(grayscale=True),
    ):
        one, other = (
            tables.read(table, options).train,
            folders.read(tmp_path / "files", options).train,
        )
        assert np.array_equal(one.images, other.images)
        assert one.labels.tolist() == [int(label) for label in other.labels]


def test_parts_in_pieces_and_the_names_of_classes_of_hugging_face(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    label = {"names": ["ant", "bee", "cat"], "_type": "ClassLabel"}
    features = {"info": {"features": {"image": {"_type": "Image"}, "label": label}}}
    facts = {"huggingface": json.dumps(features)}
    found = as_structs(contents())
    for k, half in enumerate((slice(5), slice(5, 12))):
        write(
            tmp_path / f"own/data/train-0000{k}-of-00002.parquet",
            found[half],
            LABELS[half],
            facts,
            id=list(range(12))[half],
        )
    grey = as_structs([packed(draw((6, 5), k)) for k in range(12)])
    write(tmp_path / "own/data/test-00000-of-00001.parquet", grey, LABELS, facts)
    with caplog.at_level(logging.INFO):
        data = own.open_path(tmp_path / "own")
    assert data.train.class_names == ("ant", "bee", "cat")
    assert data.train.images.shape == (12, 6, 5, 3)
    assert data.train.labels.tolist() == LABELS.tolist()
    assert data.train.images[7].tolist() == draw((6, 5, 3), 7).tolist()
    assert "the columns id are passed over" in caplog.text


def test_the_first_table_is_grey_and_the_second_is_not(tmp_path: Path) -> None:
    write(tmp_path / "train-00000-of-00002.parquet", [packed(draw((6, 5), 1))] * 2, [0, 1])
    write(tmp_path / "train-00001-of-00002.parquet", contents(2), [0, 1])
    images = tables.read(tmp_path).train.images
    assert images.shape == (4, 6, 5, 3)
    assert images[0, ..., 2].tolist() == draw((6, 5), 1).tolist()


def test_they_are_decoded_once_until_the_table_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, decode_all = [], pictures.decode_all

    def counted(sources: Any, count: int, options: ReadingOptions) -> Any:
        counts.append(count)
        return decode_all(sources, count, options)

    monkeypatch.setattr(pictures, "decode_all", counted)
    table = write(tmp_path / "x.parquet", contents())
    for _ in range(2):
        assert len(tables.read(table).train.images) == 12
    write(table, contents(9), LABELS[:9])
    assert len(tables.read(table).train.images) == 9
    assert counts == [12, 9]


def test_the_column_may_be_chosen(tmp_path: Path) -> None:
    other = [packed(draw((2, 2), k)) for k in range(12)]
    table = write(tmp_path / "x.parquet", contents(), mask=other)
    assert tables.read(table).train.images.shape[1:3] == (6, 5)  # by its name
    chosen = ReadingOptions(images_key="mask")
    assert tables.read(table, chosen).train.images.shape[1:3] == (2, 2)
    refuse(table, UsageError, ReadingOptions(images_key="x"), found="image, mask", fix="images_key")


def refuse(
    table: Path,
    kind: type[HandstitchError] = DataError,
    options: ReadingOptions = ReadingOptions(),  # noqa: B008 (immutable)
    **patterns: str,
) -> None:
    expect_error(kind, lambda: tables.read(table, options), **patterns)


def test_bad_pictures_are_refused_by_their_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, path = contents(), tmp_path / "x.parquet"
    for bad, found in (
        (good[3][:50], "damaged"),
        (packed(draw((6, 5), 1).astype(np.uint16)), "16 bits"),
        (b"no picture", "unknown type"),
        (packed(draw((6, 5, 3), 1), "TIFF"), "a TIFF picture"),
    ):
        write(path, [*good[:3], bad, *good[4:]])
        refuse(path, found=found, file="x.parquet, row 4$")
    write(path, [*as_structs(good[:3]), {"bytes": None, "path": "a.png"}, *as_structs(good[4:])])
    refuse(path, found="only the path of a file", file="row 4$", fix="leave the row out")
    write(path, [*good[:3], packed(draw((9, 9), 1)), *good[4:]])
    refuse(path, found="x.parquet, row 4: 9 pixels wide", wanted="one size")
    write(path, [*good[:11], None])
    refuse(path, found="nothing in column image", file="row 12$")
    write(path, good, [None, *LABELS[1:]])
    refuse(path, found="no label in row 1")
    write(path, good, a=good).rename(path.with_name("y.parquet"))
    pq.write_table(pa.table({"a": good, "b": good, "label": LABELS}), path)
    refuse(path, found="^a, b$", fix="images_key='a'")
    pq.write_table(pa.table({"image": good, "kind": LABELS}), path)
    refuse(path, found="columns image, kind", fix="labels_key")
    write(path, [], np.zeros(0, np.int64))
    refuse(path, found="no")
    monkeypatch.setattr(memory, "available", lambda: 10)
    write(path, good)
    refuse(path, MachineError, fix="image_size")


@pytest.mark.parametrize("said", [1, 11, 13])
def test_another_number_of_rows_than_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: int
) -> None:
    path = write(tmp_path / "x.parquet", contents())
    monkeypatch.setattr(
        tables, "TableLayout", lambda *facts: TableLayout(*facts)._replace(rows=said)
    )
    refuse(path, found=f"12 rows, said to be {said}")
    if said > 12:  # without labels
        expect_error(
            DataError, lambda: tables.read_features(path, 90, ReadingOptions()), found="rows, said"
        )


def test_tables_of_different_sizes_and_kinds(tmp_path: Path) -> None:
    first, second = (tmp_path / f"train-0000{k}-of-00002.parquet" for k in (0, 1))
    write(first, contents(2), [0, 1])
    write(second, contents(2, (3, 3)), [0, 1])
    refuse(tmp_path, found="3 × 3 pixels and 6 × 5 pixels", fix="image_size")
    write(second, ["a", "b"], [0, 1])
    refuse(tmp_path, found="unlike the first")


@pytest.mark.parametrize("text", ["{", "[" * 99_999, '{"info": 3}', '{"info": {"features": []}}'])
def test_a_description_of_another_kind_is_passed_over(tmp_path: Path, text: str) -> None:
    table = write(tmp_path / "x.parquet", contents(), LABELS, {"huggingface": text})
    assert tables.read(table).class_names == ()
