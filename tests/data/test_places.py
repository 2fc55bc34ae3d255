from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from handstitch.data import places
from handstitch.records import ReadingOptions
from handstitch.storage import disk

DIGESTS = [f"{number:064x}" for number in range(3)]


@pytest.fixture
def index(empty_machine: Path) -> Path:
    return empty_machine / "cache" / "handstitch" / "places.json"


def test_a_place_is_found_by_digest_with_its_options(index, tmp_path):
    options = ReadingOptions(
        image_size=(32, 48), grayscale=True, images_key="images", labels_key="labels"
    )
    places.remember(DIGESTS[0], tmp_path / "a", options)
    places.remember(DIGESTS[1], Path("b"), ReadingOptions())
    assert places.find(DIGESTS[0]) == (tmp_path / "a", options)
    assert places.find(DIGESTS[1]) == (Path.cwd() / "b", ReadingOptions())
    assert places.find(DIGESTS[2]) is None
    places.remember(DIGESTS[0], tmp_path / "moved", ReadingOptions())
    assert places.find(DIGESTS[0]) == (tmp_path / "moved", ReadingOptions())


def test_a_path_is_any_bytes(index, tmp_path):
    path = tmp_path / os.fsdecode(b"\xff\n'\"")
    places.remember(DIGESTS[0], path, ReadingOptions())
    assert places.find(DIGESTS[0]) == (path, ReadingOptions())


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"places": {"x": 1}}', b'{"places": {"x": {"path": "?"}}}',
     b"\xff" * 100, b"[" * 100_000, b'{"places": ' + b"9" * 17 * 2**20],
)  # fmt: skip
def test_a_damaged_index_is_an_empty_one(index, content, tmp_path):
    index.parent.mkdir(parents=True)
    index.write_bytes(content)
    assert places.find(DIGESTS[0]) is None
    places.remember(DIGESTS[0], tmp_path, ReadingOptions())
    assert places.find(DIGESTS[0]) == (tmp_path, ReadingOptions())


def test_the_index_is_bounded_and_forgets_the_oldest(index, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "_MOST", 2)
    for digest in DIGESTS:
        places.remember(digest, tmp_path, ReadingOptions())
    assert [places.find(digest) is None for digest in DIGESTS] == [True, False, False]
    places.remember(DIGESTS[1], tmp_path / "x", ReadingOptions())  # now the latest
    places.remember(DIGESTS[0], tmp_path, ReadingOptions())
    assert [places.find(digest) is None for digest in DIGESTS] == [False, False, True]


def test_an_index_that_cannot_be_written_costs_a_line(index, tmp_path, monkeypatch, caplog):
    places.remember(DIGESTS[0], tmp_path, ReadingOptions())
    before = index.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(disk.files, "write", full)
    places.remember(DIGESTS[1], tmp_path, ReadingOptions())
    (line,) = caplog.messages
    assert line.startswith("the place of these data is not remembered: the disk is full")
    assert index.read_bytes() == before


def test_nothing_is_written_where_nothing_is_new(index, tmp_path):
    places.remember(DIGESTS[0], tmp_path, ReadingOptions())
    before = index.stat().st_ino
    places.remember(DIGESTS[0], tmp_path, ReadingOptions())
    assert index.stat().st_ino == before
