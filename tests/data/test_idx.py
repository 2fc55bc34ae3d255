"""Sound IDX files are read exactly; every other file gets a sentence that says what it is."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from handstitch import storage
from handstitch.data import idx
from handstitch.data.idx import LARGEST
from handstitch.data.idx import header as own_header
from handstitch.errors import DataError, MachineError
from tests.data.idx_files import header, images, labels, packed, read, zipped

PLAIN = packed(images(20))
PACKED = zipped(PLAIN)


@given(
    array=arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=4, max_side=6)),
    compressed=st.booleans(),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, array: Any, compressed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-name"
    path.write_bytes(zipped(packed(array)) if compressed else packed(array))
    values = read(path)
    assert values.dtype == np.uint8
    assert values.flags.c_contiguous
    assert values.flags.writeable
    np.testing.assert_array_equal(values, array, strict=True)
    assert own_header(array.shape) + array.tobytes() == packed(array)


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 256, (1000, 28, 28), np.uint8)
    (tmp_path / "images").write_bytes(zipped(packed(array)))
    np.testing.assert_array_equal(read(tmp_path / "images"), array)


@pytest.mark.parametrize("cuts", [[0], [3], [9], [16], [70, 70], [135], [1, 2, 3, 4]])
def test_members_of_gzip_are_one_content(tmp_path: Path, cuts: list[int]) -> None:
    edges = [0, *cuts, len(PLAIN)]
    members = [zipped(PLAIN[start:end]) for start, end in pairwise(edges)]
    (tmp_path / "images.gz").write_bytes(b"".join(members))
    np.testing.assert_array_equal(read(tmp_path / "images.gz"), images(20))


def test_members_of_gzip_may_be_many(tmp_path: Path) -> None:
    array = np.arange(20_000).astype(np.uint8)
    members = [zipped(byte.tobytes()) for byte in np.arange(256, dtype=np.uint8)]
    content = zipped(header(20_000)) + b"".join(members[byte] for byte in array)
    (tmp_path / "labels.gz").write_bytes(content)
    np.testing.assert_array_equal(read(tmp_path / "labels.gz"), array)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("kind", "element"),
    [(8, "u1"), (9, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")],
)
def test_every_type_is_read(tmp_path: Path, kind: int, element: str, compressed: bool) -> None:
    array = np.random.default_rng(1).integers(-99, 99, (5, 4, 3, 3)).astype(element)
    content = header(*array.shape, kind=kind) + array.tobytes()
    (tmp_path / "x").write_bytes(zipped(content) if compressed else content)
    np.testing.assert_array_equal(read(tmp_path / "x"), array, strict=True)


def test_a_large_uncompressed_file_stays_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = np.random.default_rng(1).integers(0, 256, (100, 28, 28), np.uint8)
    content = packed(array)
    path = tmp_path / "images"
    monkeypatch.setattr(idx, "LARGEST", 2**16)
    for found, bad in (("cut short", content[:-1]), ("more bytes after it", content + b"\0")):
        path.write_bytes(bad)
        with storage.open_file(path) as stream, pytest.raises(ValueError, match=found):
            idx.parse(stream, 2**20)
    path.write_bytes(content)
    with storage.open_file(path) as stream:
        values = idx.parse(stream, 2**20)
    assert isinstance(values, np.memmap)
    assert not values.flags.writeable
    np.testing.assert_array_equal(values, array)


# ── Bad files ──────────────────────────────────────────────────────────────────────────────────


def zip_archive() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("train-labels-idx1-ubyte", packed(labels(20)))
    return memory.getvalue()


HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:a04f17134ac\nsize 29515\n"
XML = b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>'
LARGE = packed(np.random.default_rng(2).integers(0, 256, (500, 28, 28), np.uint8))
# 3 · 2,147,587,272 · 2,863,173,372 = 2⁶⁴ + 11,936
WRAPPED = header(3, 2_147_587_272, 2_863_173_372) + bytes(11_936)


def flipped(content: bytes, position: int) -> bytes:
    position %= len(content)
    return content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "an empty file, in 0 bytes"),
    "HTML": (HTML, "a web page"),
    "HTML inside": (zipped(HTML), "bytes of gzip"),
    "nothing inside": (zipped(b""), "an empty file, in 20 bytes of gzip"),
    "packed twice": (zipped(PACKED), "a gzip file, in"),
    "XML": (XML, "a web page"),
    "zip": (zip_archive(), "a zip archive"),
    "LFS pointer": (POINTER, "a Git LFS pointer"),
    "text": (b"5, 0, 4, 1, 9\n", "unknown type, which starts with b'5, 0, 4"),
    "unknown": (b"\x01\x02\xff\xfe", r"unknown type, which starts with b'\x01\x02\xff\xfe'"),
    "zeros": (bytes(100), "an unknown type (0x00)"),
    "type int32": (header(20, kind=0x0C) + bytes(79), "20 32-bit integers, cut short"),
    "type float64": (header(20, kind=0x0E) + bytes(161), "20 64-bit floating-point numbers, and"),
    "largest int16": (header(LARGEST // 2 + 1, kind=0x0B), "impossible header"),
    "type unknown": (header(20, kind=0x42) + bytes(20), "(0x42)"),
    "rank 0": (header() + bytes(9), "0 dimensions"),
    "rank 5": (header(1, 1, 1, 1, 1) + bytes(1), "5 dimensions"),
    "rank 255": (b"\0\0\x08\xff" + bytes(1020), "cut short"),
    "header cut": (PLAIN[:10], "an IDX header cut short, in 10 bytes"),
    "no header": (PLAIN[:3], "an IDX header cut short"),
    "cut": (PLAIN[:-1], "20 × 3 × 2, cut short, in 135 bytes"),
    "gzip cut": (PACKED[:-20], "a gzip file cut short"),
    "gzip end cut": (PACKED[:-1], "a gzip file cut short"),
    "too long": (PLAIN + b"\0", "20 × 3 × 2, and more bytes after it"),
    "more inside": (zipped(PLAIN + b"\0"), "more bytes after it"),
    "more inside, large": (zipped(LARGE + b"\0"), "more bytes after it"),
    "less inside, large": (zipped(LARGE[:-1]), "500 × 28 × 28, cut short"),
    "more behind": (PACKED + bytes(20), "damaged"),
    "more behind, large": (zipped(LARGE) + bytes(20), "damaged"),
    "another member": (PACKED + zipped(b"\0"), "more bytes after it"),
    "no end of members": (zipped(b"") * 10_001, "more than 10,000 members with nothing"),
    "wrong CRC": (flipped(PACKED, -8), "incorrect data check"),
    "wrong CRC, large": (flipped(zipped(LARGE), -8), "incorrect data check"),
    "wrong length": (flipped(PACKED, -4), "incorrect length check"),
    "not deflate": (flipped(PACKED, 10), "damaged (Error -3 while decompressing data: invalid"),
    "not gzip": (b"\x1f\x8b\x09" + PACKED[3:], "unknown compression"),
    "count lies": (header(21, 3, 2) + PLAIN[16:], "21 × 3 × 2, cut short"),
    "count lies low": (header(19, 3, 2) + PLAIN[16:], "19 × 3 × 2, and more"),
    "count lies, gzip": (zipped(header(21, 3, 2) + PLAIN[16:]), "cut short"),
    "2³¹ images": (header(2**31, 28, 28), "2,147,483,648 × 28 × 28: an impossible header"),
    "2³¹ labels": (zipped(header(2**31)), "an IDX array of 2,147,483,648: an impossible header"),
    "2³² - 1": (header(2**32 - 1), "impossible header"),
    "product 2⁶⁴": (header(2**22, 2**21, 2**21), "impossible header"),
    "product 2⁶³": (header(2**31, 2**31, 2), "impossible header"),
    "product 2⁶⁴ + file": (WRAPPED, "impossible header"),
    "largest + 1": (zipped(header(LARGEST + 1)), "impossible header"),
    "largest": (zipped(header(LARGEST)), "134,217,728, cut short"),
    "no images": (header(0, 28, 28), "0 × 28 × 28: an impossible header"),
    "no pixels": (header(20, 0, 28), "impossible header"),
}


@pytest.mark.parametrize("row", BAD)
def test_bad_file(tmp_path: Path, row: str) -> None:
    content, found = BAD[row]
    path = tmp_path / "train.gz"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path)
    error = caught.value
    assert error.exit_code == 3
    assert found in str(error.found)
    assert error.found is not None
    assert error.wanted
    assert error.fix
    assert error.file == str(path)
    assert len(str(error).splitlines()) <= 6
    assert path.read_bytes() == content


def nothing(path: Path) -> None: ...


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (nothing, "no file"),
        (Path.mkdir, "a folder"),
        (os.mkfifo, "pipe, socket or device"),  # would wait for a writer for ever
        (lambda path: path.symlink_to(path.parent / "gone"), "a broken link"),
    ],
    ids=["missing", "folder", "pipe", "broken link"],
)
def test_no_file_at_all(tmp_path: Path, make: Callable[[Path], None], found: str) -> None:
    path = tmp_path / "train-images"
    make(path)
    with pytest.raises(DataError) as caught:
        read(path)
    assert found in str(caught.value.found)
    assert caught.value.file == str(path)
    assert caught.value.wanted
    assert caught.value.fix


@pytest.mark.parametrize("reason", ["Permission denied", "Input/output error"])
def test_a_file_that_the_machine_withholds_is_the_machines_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    path = tmp_path / "train-images"
    path.write_bytes(PLAIN)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(5, reason)

    monkeypatch.setattr(storage, "open_file", refuse)
    with pytest.raises(MachineError) as caught:
        read(path)
    assert caught.value.exit_code == 5
    assert caught.value.found == reason


@pytest.mark.parametrize("content", [PLAIN, PACKED], ids=["plain", "gzip"])
def test_no_truncation_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "images"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError):
            read(path)


def test_no_flipped_bit_of_a_gzip_file_changes_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    accepted = 0
    for bit in range(8 * len(PACKED)):
        content = bytearray(PACKED)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        try:
            values = read(path)
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
    try:
        values = read(path)
    except DataError as error:
        assert len(str(error).splitlines()) <= 6  # noqa: PT017  # both ways out are right
    else:
        assert packed(values) == content
