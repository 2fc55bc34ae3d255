"""Small IDX files for tests, sound ones and others, made without the code under test."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handstitch.data import files, idx
from handstitch.data.catalog import OfficialFile


def read(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file, by the code under test."""
    words = "invalid IDX file", "an IDX file", "download it again"
    with files.open_file(path, *words, idx.LARGEST_FILE) as stream:
        return idx.parse(stream)


def header(*dimensions: int, kind: int = 0x08) -> bytes:
    return struct.pack(f">BBBB{len(dimensions)}I", 0, 0, kind, len(dimensions), *dimensions)


def packed(array: NDArray[np.uint8]) -> bytes:
    """The IDX file that holds `array`, not compressed."""
    return header(*array.shape) + array.tobytes()


def zipped(content: bytes) -> bytes:
    """`content` as gzip, always the same bytes."""
    return gzip.compress(content, compresslevel=9, mtime=0)


def images(n: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, 3, 2), np.uint8)


def labels(n: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).permutation(np.arange(n, dtype=np.uint8) % 10)


class SmallDataSets:
    """`fashion-mnist` and `mnist` with 20 and 10 images of 3 × 2, in place of the real ones."""

    COUNTS = {"train": 20, "test": 10}  # noqa: RUF012  # never changed

    def __init__(self) -> None:
        self.contents: dict[tuple[str, str], bytes] = {}
        self.files: list[OfficialFile] = []
        for seed, dataset in enumerate(("fashion-mnist", "mnist")):
            for part, n in self.COUNTS.items():
                for kind, array in (
                    ("images", images(n, seed)),
                    ("labels", labels(n, seed)),
                ):
                    content = packed(array)
                    whole = zipped(content)
                    file = OfficialFile(
                        dataset,
                        part,  # type: ignore[arg-type]  # the keys are parts
                        kind,  # type: ignore[arg-type]  # the names are kinds
                        len(whole),
                        hashlib.sha256(whole).hexdigest(),
                        hashlib.sha256(content).hexdigest(),
                    )
                    self.files.append(file)
                    self.contents[dataset, file.name] = content

    def write(self, dataset: str, folder: Path, *, plain: bool = False) -> Path:
        """Write the four files of a data set into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for (name, file), content in self.contents.items():
            if name == dataset and plain:
                (folder / file.removesuffix(".gz")).write_bytes(content)
            elif name == dataset:
                (folder / file).write_bytes(zipped(content))
        return folder

    def packed_file(self, dataset: str, file: str) -> bytes:
        """The compressed bytes of one file."""
        return zipped(self.contents[dataset, file])
