"""Fuzz targets for the readers of a user's own data.

What a reader accepts is samples, one label for each; where there is a plain reading of the same
bytes, the two agree.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
from PIL import Image

from handstitch.data.readers import cifar, idx_pairs, npz, pictures, tables
from handstitch.data.readers.parts import Parts, Samples
from handstitch.errors import HandstitchError
from handstitch.records import ReadingOptions
from tests.data import idx_files
from tests.fuzz.target import CUT, Target, parts_of

RECORD: Final = 1 + 3072
"""Bytes of an image of CIFAR-10."""


def _check(parts: Parts) -> None:
    for part in (parts.train, parts.validation, parts.test):
        if part is not None:
            _check_samples(part)


def _check_samples(part: Samples) -> None:
    images, labels = part.images, part.labels
    assert len(images) == len(labels) > 0
    assert labels.dtype == np.int64 or labels.dtype.kind == "U"
    assert images.flags.c_contiguous
    if images.ndim == 2:
        assert images.dtype == np.float32
        assert np.isfinite(images).all()
    else:
        assert images.dtype == np.uint8
        assert images.ndim == 3 or images.shape[3:] == (3,)


def _emptied(path: Path) -> Path:
    """An empty folder of the inputs of one target."""
    folder = path.with_name("own")
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    return folder


# ── NumPy's arrays ─────────────────────────────────────────────────────────────────────────────


def _parse_arrays(data: bytes, path: Path) -> None:
    """Two .npy in a folder, or an .npz as it is, or one of two members with these contents."""
    bits, rest = data[0] if data else 0, data[1:]
    folder = _emptied(path)
    images, labels = parts_of(rest, 2)
    if bits % 3 == 0:
        (folder / "images.npy").write_bytes(images)
        (folder / "labels.npy").write_bytes(labels)
        found = npz.read(folder)
        _check(found)
        plain = np.load(io.BytesIO(images), allow_pickle=False)
        same = np.asarray(found.train.images).reshape(len(plain), -1)
        if plain.dtype == np.uint8 and 1 < plain.ndim < 4:
            assert np.array_equal(same, plain.reshape(len(plain), -1))
        return
    file = folder / "x.npz"
    if bits % 3 == 1:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.npy", images)
            archive.writestr("labels.npy", labels)
    else:
        file.write_bytes(rest)
    _check(npz.read(file))


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _array_seeds(path: Path) -> Iterator[bytes]:
    for images in (
        np.arange(24, dtype=np.uint8).reshape(4, 2, 3),
        np.arange(36, dtype=np.uint8).reshape(4, 1, 3, 3),
        np.arange(24, dtype=np.uint8).reshape(4, 3, 2).transpose(0, 2, 1),
        np.linspace(-1, 1, 12).reshape(4, 3),
        np.full((4, 2, 2), 3 / 255),
    ):
        for labels in (np.array([0, 1, 5, 0]), np.array(["a", "b", "a", "b"]), np.eye(4)):
            for bits in b"\0\1":
                yield bytes([bits]) + _npy(images) + CUT + _npy(labels)
        file = io.BytesIO()
        np.savez(file, x_train=images, y_train=labels)
        yield b"\2" + file.getvalue()


# ── IDX and CIFAR ──────────────────────────────────────────────────────────────────────────────


def _parse_pairs(data: bytes, path: Path) -> None:
    """Images and labels in IDX files of any type."""
    folder = _emptied(path)
    for name, content in zip(("images-idx3", "labels-idx1"), parts_of(data, 2), strict=True):
        (folder / f"train-{name}-ubyte").write_bytes(content)
    _check(idx_pairs.read(folder))


def _pair_seeds(path: Path) -> Iterator[bytes]:
    labels = idx_files.header(4) + b"\0\1\2\1"
    for kind, element in {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4"}.items():
        pixels = (np.arange(24) % 9).astype(element).tobytes()
        yield idx_files.header(4, 2, 3, kind=kind) + pixels + CUT + labels
        yield idx_files.header(4, 6, kind=kind) + pixels + CUT + labels
    yield idx_files.header(4, 2, 3) + bytes(24) + CUT + idx_files.header(4, kind=0x0C) + bytes(16)


def _parse_cifar(data: bytes, path: Path) -> None:
    """A batch whose pixels are the last byte repeated, and the names of the classes."""
    content, names = parts_of(data, 2)
    folder = _emptied(path)
    records = b"".join(bytes([each]) + bytes([each // 2]) * (RECORD - 1) for each in content[:-1])
    (folder / "data_batch_1.bin").write_bytes(records + content[-1:] * (len(data) % 3 == 1))
    for number in range(2, 6):
        (folder / f"data_batch_{number}.bin").write_bytes(bytes(RECORD))
    (folder / "test_batch.bin").write_bytes(bytes(RECORD))
    (folder / "batches.meta.txt").write_bytes(names)
    found = cifar.read(folder)
    _check(found)
    assert found.train.labels[: len(content) - 1].tolist() == list(content[:-1])
    assert found.train.images[: len(content) - 1, 0, 0, 0].tolist() == [
        x // 2 for x in content[:-1]
    ]


def _cifar_seeds(path: Path) -> Iterator[bytes]:
    names = "\n".join(f"class{k}" for k in range(10))
    for number in range(6):
        content = bytes(k % 10 for k in range(3 + number)) + b"."
        whole = content + CUT + names.encode() + b"\n" * 2
        yield whole + b"\n" * (len(whole) % 3 == 1)


# ── Tables and pictures ────────────────────────────────────────────────────────────────────────


def _parse_table(data: bytes, path: Path) -> None:
    path = path.with_name("x.csv")
    path.write_bytes(data)
    found = tables.read(path)
    _check(found)
    assert len(found.train.labels) <= data.count(b"\n") + data.count(b"\r") + 1


def _table_seeds(path: Path) -> Iterator[bytes]:
    with suppress(HandstitchError):  # what pyarrow takes once is not the input's
        _parse_table(b"label,a\n1,2\n", path)
    for rows in (
        ["label,a,b", "1,2,3", "0,-2.5,1e3", "1,3,4"],
        ["a;class", "1;cat", "2;dog", "3;cat"],
        ["label," + ",".join(f"pixel{k}" for k in range(9)), *(["1" + ",7" * 9] * 3)],
        ["1" + ",7" * 64, "0" + ",255" * 64],
        ['"label"\t"x, y"', '"a b"\t1', '"c"\t2'],
        ["\ufefflabel,a", "1,2"],
    ):
        for end in ("\n", "\r\n"):
            yield end.join([*rows, ""]).encode()


def _parse_picture(data: bytes, path: Path) -> None:
    """A picture; of the sizes that its header may claim, the small ones."""
    bits, rest = data[0] if data else 0, data[1:]
    size = ((), (5, 7))[bits & 1]
    path.write_bytes(rest)
    with mock.patch.object(pictures, "MOST_PIXELS", 2**16):
        image = pictures.decode(path, ReadingOptions(image_size=size, grayscale=bool(bits & 2)))
    assert image.dtype == np.uint8
    assert image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3 and not bits & 2)
    assert not size or image.shape[:2] == size
    with Image.open(io.BytesIO(rest)) as plain:
        assert size or sorted(image.shape[:2]) == sorted(plain.size)


def _picture_seeds(path: Path) -> Iterator[bytes]:
    noise = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)
    for number, form in enumerate(("PNG", "JPEG", "GIF", "BMP", "WEBP")):
        for mode in ("RGB", "L", "P"):
            file = io.BytesIO()
            Image.fromarray(noise).convert(mode).save(file, form) if (form, mode) != (
                "JPEG",
                "P",
            ) else Image.fromarray(noise).save(file, "JPEG", progressive=True)
            yield bytes([number % 4]) + file.getvalue()


Seeds = Callable[[Path], Iterator[bytes]]
DATA_TARGETS: Final[dict[str, Target]] = {
    "arrays": Target(
        _parse_arrays,
        _array_seeds,
        (
            *(b"\x93NUMPY\1\0", b"'descr': '<f8'", b"'|O'", b"'<U3'", b"'|b1'", b"(4, 2, 3)", CUT),
            *(b"'fortran_order': True", b"(4,)", b"(-1,)", b"PK\3\4", b"PK\5\6", b"nan"),
        ),
    ),
    "pairs": Target(
        _parse_pairs,
        _pair_seeds,
        (
            *(b"\0\0" + bytes([kind]) for kind in range(8, 15)),
            b"\xff\xff\xff\xff",
            b"\x1f\x8b",
            CUT,
        ),
    ),
    "cifar": Target(_parse_cifar, _cifar_seeds, (b"\n", b"\r\n", b"\xff", b"\x0a", CUT)),
    "table": Target(
        _parse_table,
        _table_seeds,
        (
            *(b"label", b"class", b"\n", b",", b";", b"\t", b'"', b"nan", b"inf", b"1e999", b"\0"),
            *(b"pixel0", b"Unnamed: 0", b"\xef\xbb\xbf", b"\x1f\x8b", b"PAR1", b"\xff\xfe", b"''"),
        ),
    ),
    "picture": Target(
        _parse_picture,
        _picture_seeds,
        (b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"eXIf", b"acTL", b"GIF89a", b"\xff\xda", b"VP8X"),
    ),
}
