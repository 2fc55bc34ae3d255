"""Data of one's own made to exhaust: refused quickly, in little memory, with a way out."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from handstitch.data.readers import cifar, idx_pairs, npz, tables
from handstitch.data.readers.parts import Parts
from handstitch.errors import HandstitchError
from handstitch.machine import memory
from handstitch.records import ReadingOptions
from tests.attacks.measuring import SECONDS, cost
from tests.attacks.test_idx_attacks import bomb
from tests.data.idx_files import header, labels, packed

BYTES = 64 * 2**20  # a block of CSV has 8 MiB, and pyarrow holds a few


def npy(shape: tuple[int, ...], content: bytes = b"") -> bytes:
    """A .npy of bytes that claims this shape."""
    stream = io.BytesIO()
    facts = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, facts)
    return stream.getvalue() + content


def archive(folder: Path, images: bytes, claim: int | None = None) -> Path:
    """An .npz whose images claim to have so many bytes unpacked."""
    path = folder / "own.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("images.npy", images)
        file.writestr("labels.npy", npy((10,), labels(10).tobytes()))
    if claim is not None:
        content = path.read_bytes()
        sizes = struct.pack("<L", len(images))
        path.write_bytes(content.replace(sizes, struct.pack("<L", claim)))
    return path


def written(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def idx(folder: Path) -> Path:
    written(folder, "train-labels-idx1-ubyte", packed(labels(10)))
    return written(folder, "train-images-idx3-ubyte", bomb(header(2**14, 200, 200), 2**30))


def batches(folder: Path) -> Path:
    for name in ("train.bin", "test.bin"):
        os.truncate(written(folder, name, b""), 3074 * 2**28)  # takes no room on the disk
    return folder


def lies(folder: Path) -> Path:
    return archive(folder, npy((10, 10, 10), bytes(2**27)), len(npy((10, 10, 10))) + 1000)


def mapped(folder: Path) -> Path:
    written(folder, "labels.npy", npy((10,), labels(10).tobytes()))
    return written(folder, "images.npy", npy((2**20, 2**20)))


def nested(folder: Path) -> Path:
    return written(folder, "a.csv", zlib.compress(bomb(b"", 2**30), wbits=31))


Reader = Callable[[Path, ReadingOptions], Parts]
ATTACKS: dict[str, tuple[Reader, Callable[[Path], Path], str]] = {
    "npz, a bomb": (npz.read, lambda p: archive(p, npy((10, 2**24), bytes(10 * 2**24))), "memory"),
    "npz, a bomb that lies": (npz.read, lies, "damaged"),
    "npz, a header that lies": (npz.read, lambda p: archive(p, npy((2**20, 2**20))), "cut short"),
    "npz, beyond 64 bits": (npz.read, lambda p: archive(p, npy((2**40, 2**40))), "cut short"),
    "npy, a header that lies": (npz.read, mapped, "cut short"),
    "IDX, a bomb": (idx_pairs.read, idx, "memory"),
    "CIFAR, 800 GiB": (cifar.read, batches, "memory"),
    "CSV, no end of row": (
        tables.read, lambda p: written(p, "a.csv", bomb(b"label,a", 2**30)), "UTF-16",
    ),
    "CSV, a first row without end": (
        tables.read, lambda p: written(p, "a.csv", b"1," * 2**24), "a first row longer",
    ),
    "CSV, a later row without end": (
        tables.read,
        lambda p: written(p, "a.csv", gzip.compress(b"label,a\n" + b"1" * 2**27, 1)),
        "a row longer",
    ),
    "CSV, columns without end": (
        tables.read, lambda p: written(p, "a.csv", b"," * 2**20 + b"\n"), "more than 200,000 col",
    ),
    "CSV, rows without end": (
        tables.read, lambda p: written(p, "a.csv", gzip.compress(b"1,2\n" * 2**25, 1)), "memory",
    ),
    "CSV, gzip in gzip": (tables.read, nested, "a gzip file"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused_quickly_and_cheaply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    read, make, says = ATTACKS[name]
    if read is tables.read:
        pytest.importorskip("pyarrow.parquet")
    path = make(tmp_path)
    monkeypatch.setattr(memory, "available", lambda: 100 * 2**20)
    found: list[str] = []

    def attempt() -> None:
        with pytest.raises(HandstitchError) as caught:
            read(path, ReadingOptions())
        found.append(str(caught.value))

    attempt()  # what is loaded at first use does not count
    seconds, size = cost(attempt)
    print(f"{seconds:.2f} s, {size / 2**20:.0f} MiB\n{found[0]}")  # noqa: T201  # shown by -s
    assert says in found[0]
    assert len(found[0].splitlines()) <= 6
    assert seconds < 2 * SECONDS
    assert size < BYTES
