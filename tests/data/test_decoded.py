from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from handstitch.data import decoded
from handstitch.storage import disk
from tests.data.picture_files import draw

KEY = "0" * 32
IMAGES = draw((5, 4, 6))


@pytest.fixture
def folder(empty_machine: Path) -> Path:
    return empty_machine / "cache" / "handstitch" / "decoded"


def never():
    pytest.fail("decoded again")


def cached(images: np.ndarray, key: str = KEY) -> np.ndarray:
    return decoded.cached(key, lambda: images)


def test_what_was_decoded_is_found_under_its_key_alone(folder):
    assert np.array_equal(cached(IMAGES), IMAGES)
    assert np.array_equal(decoded.cached(KEY, never), IMAGES)
    assert np.array_equal(cached(IMAGES[:2], "1" * 32), IMAGES[:2])
    colours = draw((2, 3, 3, 3))
    assert np.array_equal(cached(colours, "2" * 32), colours)
    assert len(list(folder.iterdir())) == 3


def damage(file: Path, how: str) -> None:
    content = file.read_bytes()
    if how == "flipped":
        content = content[:-7] + bytes([content[-7] ^ 1]) + content[-6:]
    elif how == "another shape":
        content = content.replace(b"(5, 4, 6)", b"(5, 6, 4)")
    elif how == "of objects":
        content = content.replace(b"'|u1'", b"'|O' ")
    elif how == "huge":
        content = content.replace(b"(5, 4, 6)", b"(9**9,  )")
    file.write_bytes(
        {"cut": content[:-1], "empty": b"", "header cut": content[:20]}.get(how, content)
    )


@pytest.mark.parametrize(
    "how", ["flipped", "another shape", "of objects", "huge", "cut", "empty", "header cut"]
)
def test_a_damaged_cache_is_decoded_anew_and_said_in_one_line(folder, caplog, how):
    cached(IMAGES)
    (file,) = folder.iterdir()
    damage(file, how)
    with caplog.at_level(logging.INFO):
        assert np.array_equal(cached(IMAGES), IMAGES)
    (line,) = caplog.messages
    assert "is damaged: it is made again" in line
    assert np.array_equal(decoded.cached(KEY, never), IMAGES)


def test_a_folder_in_the_place_of_the_file(folder, caplog):
    cached(IMAGES)
    (file,) = folder.iterdir()
    file.unlink()
    file.mkdir()
    with caplog.at_level(logging.INFO):
        assert np.array_equal(cached(IMAGES), IMAGES)
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_cache_that_cannot_be_written_costs_a_line(folder, caplog, monkeypatch, error):
    def failing(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(disk.files, "write", failing)
    with caplog.at_level(logging.INFO):
        assert np.array_equal(cached(IMAGES), IMAGES)
    (line,) = caplog.messages
    assert line.startswith("the cache cannot be written, the next time takes as long: ")
    assert not list(folder.iterdir())


def test_a_file_in_the_place_of_the_folder(empty_machine, caplog):
    (empty_machine / "cache").mkdir(exist_ok=True)
    (empty_machine / "cache" / "handstitch").write_bytes(b"")
    assert np.array_equal(cached(IMAGES), IMAGES)
    assert len(caplog.messages) == 1


def test_what_was_not_used_for_longest_leaves(folder, monkeypatch):
    size = cached(IMAGES, "0" * 32).nbytes + 128
    monkeypatch.setattr(decoded, "BOUND", 3 * size)
    for number in range(3):
        cached(IMAGES, f"{number}" * 32)
        (file,) = folder.glob(f"{number}*")
        os.utime(file, (number, number))
    decoded.cached("0" * 32, never)  # now the latest
    cached(IMAGES, "3" * 32)
    assert sorted(path.name[0] for path in folder.iterdir()) == ["0", "2", "3"]


def test_pictures_above_the_bound_are_not_kept(folder, monkeypatch):
    monkeypatch.setattr(decoded, "BOUND", IMAGES.nbytes - 1)
    assert np.array_equal(cached(IMAGES), IMAGES)
    assert not folder.exists()


def test_the_leavings_of_a_dead_process_are_removed(folder):
    folder.mkdir(parents=True)
    (folder / ".x.npy.999999999-00000000-0.tmp").write_bytes(b"x")
    cached(IMAGES)
    assert len(list(folder.iterdir())) == 1


def test_any_byte_of_the_header_may_be_damaged(folder):
    cached(IMAGES)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    for place in range(128):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 9]) + whole[place + 1 :])
        assert np.array_equal(cached(IMAGES), IMAGES)
        assert file.read_bytes() == whole


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_rows_of_a_large_mapped_array_are_mapped_again(folder, kind, monkeypatch, tmp_path):
    array = draw((50, 4)).astype(kind) if kind == np.float32 else draw((50, 2, 2))
    np.save(tmp_path / "x.npy", array)
    mapped, rows = np.load(tmp_path / "x.npy", mmap_mode="r"), np.array([0, 1, 2, 7, 30, 31, 49])
    small = decoded.take(mapped, rows, "digest")
    assert not isinstance(small.base, np.memmap)
    assert not folder.exists()
    monkeypatch.setattr(decoded, "LARGE", 10)
    for _ in range(2):
        large = decoded.take(mapped, rows, "digest")
        assert isinstance(large, np.memmap)
        assert large.dtype == kind
        assert np.array_equal(large, array[rows])
        assert np.array_equal(small, array[rows])
        assert len(list(folder.iterdir())) == 1
    decoded.take(mapped, rows, "another digest")
    decoded.take(mapped, rows[:-1], "digest")
    assert len(list(folder.iterdir())) == 3
    monkeypatch.setattr(decoded, "BOUND", 10)  # then in memory
    assert np.array_equal(decoded.take(mapped, rows[1:], "digest"), array[rows[1:]])


PROGRAM = """
import resource, sys
import numpy as np
from handstitch.data import decoded

resource.setrlimit(resource.RLIMIT_DATA, (200 * 2**20,) * 2)
images = np.load(sys.argv[1], mmap_mode="r")
rows = np.delete(np.arange(len(images)), np.arange(0, len(images), 5))
taken = decoded.take(images, rows, "digest")
assert taken.nbytes > 230 * 2**20 and np.array_equal(taken[-1], images[rows[-1]])
try:
    np.ones(taken.nbytes, np.uint8)
except MemoryError:
    print("taken")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts mappings on Linux alone")
def test_rows_that_memory_cannot_hold_are_taken(empty_machine, tmp_path):
    np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (1_200, 2**18))[:, ::4096] = 7
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "x.npy"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stdout == "taken\n", done.stderr
    (tmp_path / "x.npy").unlink()
