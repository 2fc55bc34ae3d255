"""Sound IDX files are read exactly; every other file gets a sentence that says what it is."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from handstitch.data.expectation import IMAGES, LABELS, Expected
from handstitch.data.idx import LARGEST, read, scan
from handstitch.errors import DataError, MachineError
from tests.data.idx_files import header, images, labels, packed, zipped

TRAINING_IMAGES = Expected(3, shape=(20, 3, 2), noun="training images", fix="fetch them again")
TRAINING_LABELS = Expected(1, shape=(20,), classes=10, noun="training labels")

PLAIN = packed(images(20))
PACKED = zipped(PLAIN)


@given(
    array=st.one_of(
        arrays.arrays(np.uint8, arrays.array_shapes(min_dims=3, max_dims=3, max_side=6)),
        arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=1, max_side=2000)),
    ),
    compressed=st.booleans(),
    scanned=st.booleans(),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, array: Any, compressed: bool, scanned: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-name"
    path.write_bytes(zipped(packed(array)) if compressed else packed(array))
    values = read(path, IMAGES if array.ndim == 3 else LABELS, scanned=scanned)
    assert values.dtype == np.uint8
    assert values.flags.c_contiguous
    assert values.flags.writeable
    np.testing.assert_array_equal(values, array, strict=True)


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 256, (1000, 28, 28), np.uint8)
    (tmp_path / "images").write_bytes(zipped(packed(array)))
    np.testing.assert_array_equal(read(tmp_path / "images", IMAGES), array)
    assert scan(tmp_path / "images", IMAGES).shape == (1000, 28, 28)


def test_scan_gives_the_checksum_of_the_content(tmp_path: Path) -> None:
    import hashlib

    for name, content in (("plain", PLAIN), ("packed", PACKED)):
        (tmp_path / name).write_bytes(content)
        found = scan(tmp_path / name, TRAINING_IMAGES)
        assert found.sha256 == hashlib.sha256(PLAIN).hexdigest()


@pytest.mark.parametrize(
    ("name", "content", "notices"),
    [("images.gz", PLAIN, 1), ("images.gz", PACKED, 0), ("images", PLAIN, 0), ("im", PACKED, 0)],
)
def test_a_plain_file_named_gz_is_read_with_a_notice(
    tmp_path: Path, name: str, content: bytes, notices: int
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    said: list[str] = []
    np.testing.assert_array_equal(read(path, TRAINING_IMAGES, said.append), images(20))
    assert len(said) == notices
    assert all(str(path) in line and "not compressed" in line for line in said)


# ── Bad files ──────────────────────────────────────────────────────────────────────────────────


def zip_archive() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("train-labels-idx1-ubyte", packed(labels(20)))
    return memory.getvalue()


HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:a04f17134ac\nsize 29515\n"
XML = b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>'
LABELS_FILE = packed(labels(20))
LARGE = packed(np.random.default_rng(2).integers(0, 256, (500, 28, 28), np.uint8))
# 3 · 2,147,587,272 · 2,863,173,372 = 2⁶⁴ + 11,936
WRAPPED = header(3, 2_147_587_272, 2_863_173_372) + bytes(11_936)


def flipped(content: bytes, position: int) -> bytes:
    position %= len(content)
    return content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]


BAD: dict[str, tuple[bytes, Expected, str, str]] = {
    # row: (content, wanted, in the problem, in the found line)
    "empty": (b"", TRAINING_LABELS, "not training labels", "an empty file, 0 bytes"),
    "HTML": (HTML, TRAINING_LABELS, "not training labels", 'HTML page (starts "<!DOCTYPE html>")'),
    "HTML inside": (zipped(HTML), TRAINING_LABELS, "not training labels", "gzip with an HTML page"),
    "nothing inside": (zipped(b""), TRAINING_LABELS, "not training", "gzip with an empty file"),
    "packed twice": (zipped(PACKED), TRAINING_IMAGES, "not training", "gzip with a gzip file"),
    "XML": (XML, TRAINING_LABELS, "not training labels", "an XML page"),
    "zip": (zip_archive(), TRAINING_LABELS, "not training labels", "a zip archive"),
    "LFS pointer": (POINTER, TRAINING_LABELS, "not training labels", "a Git LFS pointer"),
    "text": (b"5, 0, 4, 1, 9\n", TRAINING_LABELS, "not training labels", 'text file (starts "5, 0'),
    "unknown": (b"\x01\x02\xff\xfe", TRAINING_LABELS, "not training labels", "01 02 ff fe"),
    "zeros": (bytes(100), TRAINING_LABELS, "not training labels", "an unknown element type (0x00)"),
    "images for labels": (PACKED, TRAINING_LABELS, "not training labels", "20 IDX images of 3 × 2"),
    "labels for images": (LABELS_FILE, TRAINING_IMAGES, "not training images", "20 IDX labels"),
    "test for train": (packed(images(10)), TRAINING_IMAGES, "not training images", "10 IDX images"),
    "test labels": (packed(labels(10)), TRAINING_LABELS, "not training labels", "10 IDX labels"),
    "other size": (zipped(header(20, 2, 3) + bytes(120)), TRAINING_IMAGES, "not tr", "of 2 × 3"),
    "type int32": (header(20, kind=0x0C) + bytes(80), TRAINING_LABELS, "not", "32-bit integers"),
    "type float64": (header(20, kind=0x0E) + bytes(160), TRAINING_LABELS, "not", "64-bit floating"),
    "type unknown": (header(20, kind=0x42) + bytes(20), TRAINING_LABELS, "not", "(0x42)"),
    "rank 0": (header() + bytes(9), TRAINING_LABELS, "not training labels", "0 dimensions"),
    "rank 2": (header(20, 6) + bytes(120), TRAINING_IMAGES, "not training images", "2 dimensions"),
    "rank 255": (b"\0\0\x08\xff" + bytes(1020), TRAINING_IMAGES, "not training", "255 dimensions"),
    "header cut": (PLAIN[:10], TRAINING_IMAGES, "cut short", "cut off after 10 of 16 bytes"),
    "no header": (PLAIN[:3], TRAINING_IMAGES, "not training images", "3 bytes"),
    "cut": (PLAIN[:-1], TRAINING_IMAGES, "cut short", "135 bytes, which cannot hold 120"),
    "gzip cut": (PACKED[:-20], TRAINING_IMAGES, "cut short", "cut off after"),
    "gzip end cut": (PACKED[:-1], TRAINING_IMAGES, "cut short", "without the end of the gzip"),
    "too long": (PLAIN + b"\0", TRAINING_IMAGES, "longer than", "more than 120"),
    "more inside": (zipped(PLAIN + b"\0"), TRAINING_IMAGES, "longer than", "after the 120"),
    "more inside, large": (zipped(LARGE + b"\0"), IMAGES, "longer than", "after the 392,000"),
    "less inside, large": (zipped(LARGE[:-1]), IMAGES, "cut short", "after 391,999 of 392,000"),
    "more behind, large": (zipped(LARGE) + b"\0", IMAGES, "longer than", "more bytes after"),
    "wrong CRC, large": (flipped(zipped(LARGE), -8), IMAGES, "damaged", "incorrect data check"),
    "more behind": (PACKED + b"\0", TRAINING_IMAGES, "longer than", "more bytes after"),
    "two members": (PACKED + zipped(b""), TRAINING_IMAGES, "longer than", "more bytes after"),
    "wrong CRC": (flipped(PACKED, -8), TRAINING_IMAGES, "damaged", "incorrect data check"),
    "wrong length": (flipped(PACKED, -4), TRAINING_IMAGES, "damaged", "incorrect length check"),
    "not deflate": (flipped(PACKED, 10), TRAINING_IMAGES, "damaged", "damaged (invalid"),
    "not gzip": (b"\x1f\x8b\x09" + PACKED[3:], TRAINING_IMAGES, "damaged", "unknown compression"),
    "count lies": (header(21, 3, 2) + PLAIN[16:], IMAGES, "cut short", "cannot hold 126"),
    "count lies low": (header(19, 3, 2) + PLAIN[16:], IMAGES, "longer than", "more than 114"),
    "count lies, gzip": (zipped(header(21, 3, 2) + PLAIN[16:]), IMAGES, "cut short", "cut off"),
    "2³¹ images": (header(2**31, 28, 28), IMAGES, "cannot be true", "2,147,483,648 IDX images"),
    "2³¹ labels": (zipped(header(2**31)), LABELS, "cannot be true", "2,147,483,648 IDX labels"),
    "2³² - 1": (header(2**32 - 1), LABELS, "cannot be true", "4,294,967,295 IDX labels"),
    "product 2⁶⁴": (header(2**22, 2**21, 2**21), IMAGES, "cannot be true", "18,446,744,073,709"),
    "product 2⁶³": (header(2**31, 2**31, 2), IMAGES, "cannot be true", "9,223,372,036,854"),
    "product 2⁶⁴ + file": (WRAPPED, IMAGES, "cannot be true", "18,446,744,073,709,563,552 bytes"),
    "largest + 1": (zipped(header(LARGEST + 1)), LABELS, "cannot be true", "134,217,729"),
    "largest": (zipped(header(LARGEST)), LABELS, "cut short", "cannot hold 134,217,728"),
    "no images": (header(0, 28, 28), IMAGES, "cannot be true", "0 IDX images of 28 × 28"),
    "no pixels": (header(20, 0, 28), IMAGES, "cannot be true", "20 IDX images of 0 × 28"),
    "label 10": (
        flipped(LABELS_FILE[:-1] + b"\xf5", -1),
        TRAINING_LABELS,
        "outside",
        "label 10 at",
    ),
    "labels 255": (zipped(header(20) + b"\xff" * 20), TRAINING_LABELS, "outside", "position 0"),
}


@pytest.mark.parametrize("scanned", [False, True])
@pytest.mark.parametrize("row", BAD)
def test_bad_file(tmp_path: Path, row: str, scanned: bool) -> None:
    content, expected, problem, found = BAD[row]
    path = tmp_path / "train.gz"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path, expected, scanned=scanned)
    error = caught.value
    assert error.exit_code == 3
    assert problem in error.problem
    assert found in str(error.facts["found"])
    assert list(error.facts) == ["file", "found", "wanted", "fix"]
    assert error.facts["file"] == str(path)
    assert error.facts["fix"] == expected.fix
    assert len(str(error).splitlines()) <= 6
    assert path.read_bytes() == content


def nothing(path: Path) -> None: ...


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (nothing, "no such file"),
        (Path.mkdir, "a folder"),
        (os.mkfifo, "a pipe, socket or device"),  # would wait for a writer for ever
        (lambda path: path.symlink_to(path.parent / "gone"), "a link that leads nowhere"),
    ],
    ids=["missing", "folder", "pipe", "broken link"],
)
def test_no_file_at_all(tmp_path: Path, make: Callable[[Path], None], found: str) -> None:
    path = tmp_path / "train-images"
    make(path)
    with pytest.raises(DataError) as caught:
        read(path, TRAINING_IMAGES)
    assert caught.value.facts["found"] == found
    assert list(caught.value.facts) == ["file", "found", "wanted", "fix"]


@pytest.mark.parametrize("reason", ["Permission denied", "Input/output error"])
def test_a_file_that_the_machine_withholds_is_the_machines_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    path = tmp_path / "train-images"
    path.write_bytes(PLAIN)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(5, reason)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(MachineError) as caught:
        read(path, TRAINING_IMAGES)
    assert caught.value.exit_code == 5
    assert caught.value.facts["found"] == reason


def test_the_words_of_the_caller_are_used(tmp_path: Path) -> None:
    expected = replace(TRAINING_LABELS, wanted="gzip IDX labels, 29,515 bytes", fix="fetch it")
    (tmp_path / "labels.gz").write_bytes(HTML)
    with pytest.raises(DataError) as caught:
        read(tmp_path / "labels.gz", expected)
    assert str(caught.value) == "\n".join(
        [
            "these are not training labels",
            f"  file    {tmp_path}/labels.gz",
            f'  found   an HTML page (starts "<!DOCTYPE html>"), {len(HTML)} bytes',
            "  wanted  gzip IDX labels, 29,515 bytes",
            "  fix     fetch it",
        ]
    )


@pytest.mark.parametrize("content", [PLAIN, PACKED], ids=["plain", "gzip"])
def test_no_truncation_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "images"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError):
            read(path, IMAGES, scanned=True)


def test_no_flipped_bit_of_a_gzip_file_changes_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    accepted = 0
    for bit in range(8 * len(PACKED)):
        content = bytearray(PACKED)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        try:
            values = read(path, IMAGES, scanned=True)
        except DataError:
            continue
        np.testing.assert_array_equal(values, images(20))
        accepted += 1
    # The header's time, system and advisory flags say nothing about the content.
    assert accepted <= 8 * 10


@given(content=st.binary(max_size=200), compressed=st.booleans())
def test_any_bytes_give_an_array_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, compressed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(zipped(content) if compressed else content)
    for expected in (IMAGES, LABELS, TRAINING_LABELS):
        try:
            values = read(path, expected)
        except DataError as error:
            assert len(str(error).splitlines()) <= 6  # noqa: PT017  # both ways out are right
        else:
            assert values.ndim == expected.rank
