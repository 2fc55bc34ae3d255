from __future__ import annotations

import gzip
import logging
import struct
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from handstitch.data import places
from handstitch.data.dataset import digest_of
from handstitch.data.idx import header
from handstitch.data.own import draw_test, open_path
from handstitch.data.readers.parts import Parts, Samples
from handstitch.data.sources import Source
from handstitch.data.summary import describe
from handstitch.errors import DataError, HandstitchError, MachineError, UsageError
from handstitch.machine import memory
from handstitch.records import ReadingOptions
from tests.data.picture_files import expect_error, write_classes, write_picture


@pytest.fixture
def photos(empty_machine: Path) -> Path:
    """An empty folder, where the cache is empty, too."""
    (empty_machine / "photos").mkdir()
    return empty_machine / "photos"


def refuse(path: Path | str, kind: type[HandstitchError] = UsageError, **patterns: str) -> None:
    expect_error(kind, lambda: open_path(path), **patterns)


# ── A folder of pictures ───────────────────────────────────────────────────────────────────────


def test_each_picture_has_its_file_in_every_part(photos):
    for k in range(12):
        write_picture(photos / "ab"[k % 2] / f"{k}.png", np.full((2, 2), k, np.uint8))
    data = open_path(photos)
    assert data.is_test_drawn
    for part in (data.train, data.test):
        levels = [int(Path(file).stem) for file in data.files()[part.part]]
        assert levels == part.images[:, 0, 0].tolist()
        assert all((photos / file).is_file() for file in data.files()[part.part])
    for folder in ("val", "test"):
        for name in "ab":
            write_picture(photos / f"own/{folder}/{name}/{folder}.png")
            write_picture(photos / f"own/train/{name}/x.png")
    own = open_path(photos / "own")
    assert own.files()["validation"] == ["val/a/val.png", "val/b/val.png"]
    assert own.files()["test"] == ["test/a/test.png", "test/b/test.png"]


def test_samples_of_one_file_have_no_names(photos):
    np.savez(photos / "a.npz", images=np.zeros((20, 2, 2), np.uint8), labels=np.arange(20) % 2)
    assert open_path(photos / "a.npz").files() == {}


def test_the_parts_of_a_folder_are_data_sets(photos):
    for number, part in enumerate(("train", "val", "test")):
        write_classes(photos / part, "10 9", each=3 + number)
    data = open_path(photos)
    assert data.validation is not None
    for dataset, part, each in ((data.train, "train", 3), (data.validation, "validation", 4),
                                (data.test, "test", 5)):  # fmt: skip
        assert (dataset.name, dataset.part, dataset.location) == ("photos", part, str(photos))
        assert dataset.class_names == ("9", "10")
        assert dataset.labels.tolist() == [0] * each + [1] * each
    assert data.format == "a folder of pictures"
    assert not data.is_test_drawn
    assert data.digest == digest_of(data.train.images, data.train.labels)


def test_a_test_part_is_drawn_from_the_data_alone(photos, caplog):
    write_classes(photos, "a b c", each=10)
    write_picture(photos / "single" / "x.png")
    with caplog.at_level(logging.INFO):
        data = open_path(photos)
    assert data.is_test_drawn
    assert "no test part" in caplog.text
    assert data.test.counts() == [2, 2, 2, 0]
    assert data.train.counts() == [8, 8, 8, 1]
    again = open_path(photos)
    assert (again.train.digest, again.test.digest) == (data.train.digest, data.test.digest)
    rows = {image.tobytes() for part in (data.train, data.test) for image in part.images}
    assert len(rows) == 31 - 1  # the single one has the pixels of another


def test_another_digest_draws_another_test_part():
    labels = np.repeat(np.arange(10), 100)
    drawn = [draw_test(labels, f"{seed:016x}" + "0" * 48)[1] for seed in (1, 2)]
    assert drawn[0].tolist() != drawn[1].tolist()
    assert [np.bincount(labels[each]).tolist() for each in drawn] == [[20] * 10] * 2


def test_a_fifth_of_uneven_classes():
    labels = np.repeat(np.arange(4), [1, 2, 3, 94]).astype(np.uint8)
    train, test = draw_test(labels, "0" * 64)
    assert len(test) == 20
    assert sorted([*train, *test]) == list(range(100))
    counts = np.bincount(labels[train], minlength=4)
    assert counts.min() >= 1
    assert 0 not in labels[test]


@pytest.mark.parametrize("counts", [[1, 1, 1, 1, 1, 1], [2, 2, 1], [4]])
def test_too_few_samples_to_draw_from(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    expect_error(DataError, lambda: draw_test(labels, "0" * 64), wanted="5 samples", fix="add")


def test_a_drawn_part_must_fit_into_memory(photos, monkeypatch):
    write_classes(photos)
    open_path(photos)  # decoded and mapped
    monkeypatch.setattr(memory, "available", lambda: 100)
    refuse(photos, MachineError, problem="test part", fix="of their own")


def test_an_error_of_the_classes_names_the_path(photos):
    refuse(write_classes(photos, "cat", each=9), DataError, file="photos$", problem="one class")
    table = photos / "x.csv"
    table.write_text("label,a\n1,2\n")
    with reader("tables", Parts(Samples(np.ones((9, 2), np.float32), np.ones(9, np.int64)))):
        refuse(table, DataError, file="x.csv", found="the class 1 alone")


def test_opened_data_are_found_again_by_digest(photos):
    write_classes(photos)
    options = ReadingOptions(image_size=(5, 5))
    data = open_path(photos, options)
    assert places.find(data.digest) == (photos, options)
    assert open_path(photos).digest != data.digest


@pytest.mark.parametrize(
    ("name", "expected"), [("a.b", "a.b"), ("x\x1b[31m", r"x\x1b[31m"), ("y" * 200, "y" * 80)]
)
def test_the_name_is_that_of_the_folder_made_printable(photos, name, expected):
    assert open_path(write_classes(photos / name)).train.name == expected


def test_the_folder_here_has_a_name(photos, monkeypatch):
    monkeypatch.chdir(write_classes(photos))
    assert open_path(".").train.name == "photos"


def test_description(photos):
    write_classes(photos, each=5)
    data = open_path(photos)
    found = describe(Source(data.train.name, own=data))
    assert found["format"] == "a folder of pictures"
    assert found["parts"][0]["digest"] == data.digest
    assert found["class_names"] == ["cat", "dog"]
    assert [part["counts"] for part in found["parts"]] == [
        {"cat": 4, "dog": 4},
        {"cat": 1, "dog": 1},
    ]
    assert [part["balance"] for part in found["parts"]] == [1, 1]


# ── What a path holds ──────────────────────────────────────────────────────────────────────────


class reader:  # noqa: N801 (used as a function)
    """Within, this reader gives these parts and notes the path that it was given."""

    def __init__(self, name: str, parts: Parts | None = None) -> None:
        images = np.arange(12, dtype=np.uint8).repeat(4).reshape(12, 2, 2)
        self.parts = parts or Parts(Samples(images, np.arange(12) % 2))
        self.name, self.paths = f"handstitch.data.readers.{name}", list[Path]()

    def read(self, path: Path, options: ReadingOptions) -> Parts:
        self.paths.append(path)
        return self.parts

    def __enter__(self) -> list[Path]:
        module = ModuleType(self.name)
        module.read = self.read  # type: ignore[attr-defined]
        self.before = sys.modules.get(self.name)
        sys.modules[self.name] = module
        return self.paths

    def __exit__(self, *_: object) -> None:
        del sys.modules[self.name]
        if self.before is not None:
            sys.modules[self.name] = self.before


IMAGES = header((2, 2, 2)) + bytes(8)
SIGNED = struct.pack(">4B2I", 0, 0, 9, 2, 2, 2) + bytes(4)


@pytest.mark.parametrize(
    ("name", "files", "given"),
    [
        ("idx_pairs", {"train-images-idx3-ubyte": IMAGES}, "."),
        ("idx_pairs", {"any name.gz": gzip.compress(IMAGES), "x.png": b""}, "."),
        ("idx_pairs", {"plain": gzip.compress(SIGNED), "readme.txt": b"a, b"}, "."),
        ("idx_pairs", {"raw/t10k-labels": IMAGES, "processed/x.pt": b"PK"}, "raw"),
        ("idx_pairs", {"FashionMNIST/raw/t10k-labels": IMAGES}, "FashionMNIST/raw"),
        ("idx_pairs", {"train-images": IMAGES}, "train-images"),
        ("idx_pairs", {"train-images.gz": gzip.compress(IMAGES)}, "train-images.gz"),
        ("cifar", {"data_batch_1.bin": bytes(3073), "batches.meta.txt": b"cat\n"}, "."),
        ("cifar", {"data_batch_1": b"\x80\x02}q"}, "."),
        ("cifar", {"cifar-100-binary/train.bin": bytes(9)}, "cifar-100-binary"),
        ("npz", {"images.npy": b"\x93NUMPY\1\0", "labels.npy": b"\x93NUMPY\1\0"}, "."),
        ("npz", {"x.npz": b"PK\x03\x04"}, "x.npz"),
        ("npz", {"without suffix": b"PK\x03\x04"}, "without suffix"),
        ("npz", {"x.npy": b"\x93NUMPY\1\0"}, "x.npy"),
        ("tables", {"train.csv": b"label,a\n", "test.csv": b"label,a\n"}, "."),
        ("tables", {"train.csv": b"label,a\n", "images/0.png": b""}, "train.csv"),
        ("tables", {"x.csv.gz": gzip.compress(b"label,a\n")}, "x.csv.gz"),
        ("tables", {"x.data": "Größe,1\n".encode()}, "x.data"),
        ("tables", {"x.csv": "Größe,1\n".encode("latin-1")}, "x.csv"),
        ("tables", {"x.parquet": b"PAR1"}, "x.parquet"),
        ("tables", {"anything": b"PAR1"}, "anything"),
    ],
)  # fmt: skip
def test_a_format_is_told_by_content(photos, name, files, given):
    for file, content in files.items():
        (photos / file).parent.mkdir(parents=True, exist_ok=True)
        (photos / file).write_bytes(content)
    named = photos / given if (photos / given).is_file() else photos
    with reader(name) as paths:
        data = open_path(named)
    assert paths == [photos / given]
    assert data.train.name == named.name.partition(".")[0]
    assert len(data.train) + len(data.test) == 12


def test_pictures_stand_before_what_lies_beside_them(photos):
    write_classes(photos / "train")
    (photos / "labels.csv").write_text("label,file\n")
    assert open_path(photos).format == "a folder of pictures"


def test_any_reader_s_labels_are_numbered(photos):
    images = np.arange(20, dtype=np.uint8).reshape(20, 1, 1)
    train = Samples(images, np.array(["b10", "b9"] * 10))
    parts = Parts(train, test=Samples(images[:2], np.array(["b10", "b9"])))
    (photos / "x.npz").write_bytes(b"PK\x03\x04")
    with reader("npz", parts):
        data = open_path(photos / "x.npz")
    assert data.train.class_names == ("b9", "b10")
    assert data.train.labels.tolist() == [1, 0] * 10
    assert data.test.labels.tolist() == [1, 0]
    assert np.shares_memory(data.train.images, images)


def test_unknown_names(photos):
    refuse("fashion-minst", wanted="fashion-mnist, mnist, sketch, or a path", fix="fashion-mnist$")
    refuse("x", wanted="or a path", fix="the path of a folder or file")
    refuse("photo/cats", problem="no such file or folder", found="nothing of this name in")
    refuse(photos / "x.csv", file="x.csv", found="photos$", wanted="a folder of pictures")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (b"\x80\x04\x95", "a pickle"),
        (b"<!doctype html>", "a web page"),
        (b"\0\1\2\3", "starts with"),
        (gzip.compress(b"\0\1\2\3", mtime=0), "starts with"),
    ],
)
def test_a_file_that_is_no_data_set(photos, content, found):
    (photos / "x").write_bytes(content)
    refuse(photos / "x", file="x$", found=found, fix="save the data as")
    (photos / "x").rename(photos / "x.csv")
    refuse(photos / "x.csv", file="x.csv$", found=found, fix="another path")


def test_a_folder_that_is_no_data_set(photos):
    refuse(photos, found="^nothing$", wanted="a folder of pictures")
    (photos / "notes.txt").write_text("a, b")
    (photos / "more").mkdir()
    refuse(photos, found="^more, notes.txt$", fix="name the folder or file")
    write_picture(photos / "x.png")
    refuse(photos, DataError, problem="no class folders", found="directly in it: 1")


def test_folders_of_other_files_are_answered_as_pictures(photos):
    for name in ("cat", "dog"):
        (photos / name).mkdir()
        (photos / name / "1.heic").write_bytes(b"?")
    refuse(photos, DataError, found="no pictures in cat, dog; passed over: 2 .heic", fix="JPEG")


def test_several_data_sets_in_a_folder(photos):
    for name in ("a", "b"):
        (photos / name).mkdir()
        (photos / name / "x").write_bytes(IMAGES)
    refuse(photos, problem="several data sets", found="^a, b$", fix="name the folder")


def test_what_cannot_be_read(photos):
    (photos / "link").symlink_to(photos / "nowhere")
    refuse(photos / "link", MachineError, found="No such file")
    refuse("/dev/null", MachineError, found="a pipe, socket or device")


# ── Fashion-MNIST as pictures ──────────────────────────────────────────────────────────────────


def test_fashion_mnist_as_pictures_is_its_arrays_in_the_order_of_the_folders(photos, fashion_mnist):
    with gzip.open(fashion_mnist / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)[:500]
    with gzip.open(fashion_mnist / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)[:500]
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        write_picture(photos / "train" / str(label) / f"{number}.png", image)
        write_picture(photos / "test" / str(label) / f"{number:05}.png", image)
    order = np.argsort(labels, kind="stable")
    data = open_path(photos)
    assert data.digest == data.test.digest == digest_of(images[order], labels[order])
