from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from handstitch.data import decoded
from handstitch.data.readers import folders, pictures
from handstitch.data.readers.parts import Parts
from handstitch.errors import DataError, HandstitchError, MachineError
from handstitch.machine import memory
from handstitch.records import ReadingOptions
from tests.data.picture_files import draw, expect_error, write_classes, write_picture


@pytest.fixture
def photos(empty_machine: Path) -> Path:
    """An empty folder, where the cache is empty, too."""
    (empty_machine / "photos").mkdir()
    return empty_machine / "photos"


def read(folder: Path, **options) -> Parts:
    return folders.read(folder, ReadingOptions(**options))


def refuse(folder: Path, kind: type[HandstitchError] = DataError, options=None, **patterns: str):
    return expect_error(kind, lambda: read(folder, **(options or {})), **patterns)


def test_classes_and_pictures_are_in_natural_order(photos):
    names = ["9", "10", "b2", "b10"]
    for value, name in enumerate(reversed(names)):
        for k in (10, 9, 1):
            write_picture(photos / name / f"p{k}.png", np.full((1, 2), 16 * value + k, np.uint8))
    train, validation, test, class_names = read(photos)
    assert (validation, test, class_names) == (None, None, ())
    assert train.labels.tolist() == [name for name in names for _ in range(3)]
    assert train.images[:, 0, 0].tolist() == [16 * v + k for v in (3, 2, 1, 0) for k in (1, 9, 10)]
    assert train.images.flags.c_contiguous


def test_grey_pictures_stay_grey_and_one_with_colours_makes_all_of_them_so(photos):
    write_classes(photos)
    grey = read(photos).train.images
    assert grey.shape == (6, 4, 6)
    write_picture(photos / "dog" / "0.png", coloured := draw((4, 6, 3), 9))
    mixed = read(photos).train.images
    assert mixed.shape == (6, 4, 6, 3)
    assert np.array_equal(mixed[3], coloured)
    assert np.array_equal(np.delete(mixed, 3, 0), np.repeat(np.delete(grey, 3, 0)[..., None], 3, 3))
    assert read(photos, grayscale=True).train.images.shape == (6, 4, 6)


@pytest.mark.parametrize("places", ["train val test", "Train validation testing", "training test"])
def test_parts_stand_above_the_classes(photos, places):
    for number, place in enumerate(places.split()):
        write_classes(photos / place, each=2 + number)
    (photos / "notes").mkdir()
    found = read(photos)
    assert len(found.train.labels) == 4
    assert (found.validation is None) == (len(places.split()) == 2)
    assert found.test is not None
    assert len(found.test.labels) == 2 * (1 + len(places.split()))
    assert np.array_equal(found.test.images[0], found.train.images[0])


def test_train_may_be_a_class(photos):
    write_classes(photos, "car plane train")
    assert set(read(photos).train.labels) == {"car", "plane", "train"}


def test_folders_within_a_class_belong_to_it(photos):
    write_classes(photos)
    write_picture(photos / "cat" / "2021" / "deep" / "x.png")
    assert read(photos).train.labels.tolist() == ["cat"] * 4 + ["dog"] * 3


def test_what_is_passed_over_is_counted_in_one_line(photos, caplog):
    outside = write_classes(photos / "outside", "bird")
    folder = write_classes(photos / "folder")
    for name in ("notes.txt", "cat/Thumbs.db", "cat/x.tiff", "cat/y.tiff", "dog/README"):
        (folder / name).write_bytes(b"x")
    for name in (".DS_Store", "cat/._0.png"):
        (folder / name).write_bytes(b"x")
    (folder / "__MACOSX").mkdir()
    (folder / "bird").symlink_to(outside / "bird")
    (folder / "cat" / "9.png").symlink_to(outside / "bird" / "0.png")
    write_picture(folder / "loose.png")
    os.mkfifo(folder / "dog" / "pipe.png")
    with caplog.at_level(logging.INFO):
        found = read(folder)
    assert found.train.labels.tolist() == ["cat"] * 3 + ["dog"] * 3
    (line,) = caplog.messages
    for counted in ("3 hidden", "2 links", "2 .tiff", "1 .txt", "1 .db", "1 without a suffix",
                    "1 in no class folder"):  # fmt: skip
        assert counted in line


def test_a_folder_that_is_named_may_be_a_link(photos):
    (photos / "link").symlink_to(write_classes(photos / "folder"))
    assert len(read(photos / "link").train.labels) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux alone")
def test_a_hostile_file_name_is_a_name(photos, caplog):
    folder = write_classes(photos)
    for name in (b"\xff\xfe.png", b"a\nb\x1b[31m.png", b"x" * 251 + b".png"):
        write_picture(folder / "cat" / "new.png").rename(folder / "cat" / os.fsdecode(name))
    (folder / "cat" / "x.\x1b[31m").write_bytes(b"")
    with caplog.at_level(logging.INFO):
        assert len(read(folder).train.labels) == 9
    assert "\x1b" not in caplog.text
    os.truncate(os.fsencode(folder / "cat") + b"/\xff\xfe.png", 50)
    assert r"\udcff\udcfe.png" in str(refuse(folder, wanted="a whole picture"))


# ── Refused ────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_class_folder(photos):
    (write_classes(photos) / "emu").mkdir()
    refuse(
        photos, found="^no pictures in emu$", wanted="a folder for each class", fix="put pictures"
    )


def test_no_pictures_at_all(photos):
    for name in ("cat", "dog"):
        (photos / name).mkdir()
        (photos / name / "x.tiff").write_bytes(b"")
    refuse(
        photos, found="no pictures in cat, dog; passed over: 2 .tiff", wanted=r"\.png", fix="as PNG"
    )


def test_no_class_folders(photos):
    refuse(photos, found="^no folder in it$", wanted="a folder for each class")
    write_picture(photos / "x.png")
    refuse(
        photos,
        found="^pictures directly in it: 1; no folder in it$",
        fix="make a folder for each class",
    )


def test_a_test_part_without_class_folders(photos):
    write_classes(photos / "train")
    write_picture(photos / "test" / "x.png")
    refuse(
        photos,
        file="test$",
        found="directly in it: 1",
        fix="make a folder for each class.*; or move",
    )


def test_no_training_part(photos):
    write_classes(photos / "test")
    write_classes(photos / "val")
    refuse(photos, found="the folders test, val", wanted="a folder train beside them")


def test_one_class(photos):
    refuse(write_classes(photos, "cat"), found="the class cat alone", wanted="two classes")


def test_a_test_class_that_training_never_saw_is_refused_before_decoding(photos, monkeypatch):
    write_classes(photos / "train")
    write_classes(photos / "test", "cat zebra")
    monkeypatch.setattr(pictures, "decode_all", lambda *_: pytest.fail("decoded"))
    refuse(
        photos,
        problem="the test part",
        found="^zebra, at",
        wanted="cat, dog",
        fix="correct the label",
    )


def test_different_sizes_name_two_pictures(photos):
    write_classes(photos)
    write_picture(photos / "dog" / "1.png", draw((9, 5)))
    refuse(
        photos,
        found=r"cat.0\.png: 6 pixels wide, 4 high\n.*dog.1\.png: 5 pixels wide, 9 high",
        wanted="one size",
        fix=r"image_size=\(64, 64\)",
    )
    assert read(photos, image_size=(8, 9)).train.images.shape == (6, 8, 9)


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux alone")
@pytest.mark.parametrize("name", [b"a\x1b[31mb", b"\xff\xfe", b"a\nb", "a\u202eb".encode(),
                                  b"x" * 201])  # fmt: skip
def test_hostile_class_names(photos, name):
    folder = write_classes(photos)
    (folder / "cat").rename(folder / os.fsdecode(name))
    error = refuse(folder, found=f"{len(os.fsdecode(name))} characters", fix="rename its folder")
    assert str(error).isprintable() or "\x1b" not in str(error)


def test_pictures_that_do_not_fit_into_memory(photos, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 100)
    refuse(write_classes(photos), MachineError, problem="6 pictures of 6 × 4", fix="image_size")


def test_a_folder_that_may_not_be_read(photos, monkeypatch):
    write_classes(photos)

    def scandir(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", scandir)
    refuse(photos, MachineError, found="Permission denied")


# ── The cache ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def decodings(monkeypatch) -> list[int]:
    """How many pictures were decoded at each time."""
    counts: list[int] = []
    decode_all = pictures.decode_all

    def counted(paths, count, options):
        counts.append(count)
        return decode_all(paths, count, options)

    monkeypatch.setattr(pictures, "decode_all", counted)
    return counts


def test_pictures_are_decoded_once_for_each_of_the_options(photos, decodings):
    write_classes(photos / "train")
    write_classes(photos / "test", each=2)
    first, again = read(photos), read(photos)
    assert decodings == [10]
    assert first.test is not None
    assert again.test is not None
    assert np.array_equal(first.train.images, again.train.images)
    assert np.array_equal(first.test.images, again.test.images)
    assert isinstance(again.train.images, np.memmap)
    assert not again.train.images.flags.writeable
    read(photos, image_size=(3, 3))
    read(photos, grayscale=True)
    assert decodings == [10] * 3


def test_a_change_of_any_picture_is_noticed(photos, decodings):
    write_classes(photos)
    read(photos)
    write_picture(photos / "cat" / "3.png")
    read(photos)
    (photos / "cat" / "3.png").rename(photos / "dog" / "3.png")
    assert read(photos).train.labels.tolist().count("dog") == 4
    assert decodings == [6, 7, 7]


def test_a_picture_of_the_same_length_and_time_is_noticed(photos, decodings):
    for name in ("cat", "dog"):
        write_picture(photos / name / "0.bmp", draw((4, 4), 1))
    read(photos)
    path, fresh = photos / "cat" / "0.bmp", draw((4, 4), 2)
    before = path.stat()
    write_picture(path, fresh)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert np.array_equal(read(photos).train.images[0], fresh)


def test_colours_in_a_later_block_than_the_first(photos, monkeypatch):
    monkeypatch.setattr(pictures, "_BATCH", 2)
    write_classes(photos, each=5)
    before = read(photos).train.images
    write_picture(photos / "dog" / "3.png", coloured := draw((4, 6, 3), 9))
    after = read(photos).train.images
    assert np.array_equal(after[8], coloured)
    assert np.array_equal(np.delete(after, 8, 0)[..., 1], np.delete(before, 8, 0))


def test_the_cache_is_where_it_is_said_to_be(photos, empty_machine):
    read(write_classes(photos / "x"))
    (file,) = (empty_machine / "cache" / "handstitch" / "decoded").glob("*.npy")
    assert np.load(file, allow_pickle=False).shape == (6, 4, 6)
    assert decoded.BOUND == 10 * 2**30
