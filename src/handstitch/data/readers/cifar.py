"""CIFAR-10 and CIFAR-100 in their binary version: 32 × 32 pixels in colour.

    record      label (CIFAR-100: coarse label, fine label), then 1,024 bytes each of red, green
                and blue, by rows
    CIFAR-10    data_batch_1.bin … data_batch_5.bin, test_batch.bin; names in batches.meta.txt
    CIFAR-100   train.bin, test.bin; names in fine_label_names.txt

Described by A. Krizhevsky on the page of the data sets. Their Python version is pickles, which
could run any program, and is refused.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from handstitch import storage
from handstitch.data import files
from handstitch.data.readers.parts import Parts, Samples
from handstitch.errors import DataError, listed, printable
from handstitch.machine import memory
from handstitch.records import ReadingOptions

_PIXELS: Final = 3 * 32 * 32
_FIX: Final = "unpack the set's archive anew: {}"
_ADVICE: Final = "get the binary version from CIFAR's page: {}; unpack it, and name its folder"


class _Version(NamedTuple):
    """Files of one of the two sets."""

    train: tuple[str, ...]
    test: str
    names: str
    pickled: str
    archive: str
    labels: int
    """Bytes of a record before its pixels; the last one is the label."""
    classes: int


_VERSIONS: Final = (
    _Version(
        tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test_batch.bin",
        "batches.meta.txt",
        "data_batch_1",
        "cifar-10-binary.tar.gz",
        1,
        10,
    ),
    _Version(
        ("train.bin",),
        "test.bin",
        "fine_label_names.txt",
        "train",
        "cifar-100-binary.tar.gz",
        2,
        100,
    ),
)


def find(path: Path) -> tuple[Path, _Version] | None:
    """The folder with CIFAR's files, `path` or one in it, and which set they are.

    Raises DataError if they are pickles.
    """
    for folder in (path, *sorted(path.glob("cifar*"))):
        for version in _VERSIONS:
            if (folder / version.train[0]).is_file():
                return folder, version
            if _is_pickle(folder / version.pickled):
                raise DataError(
                    "CIFAR's Python version is not read",
                    file=printable(folder / version.pickled),
                    found="a pickle, which can run any program when opened",
                    wanted=f"the binary version: {version.train[0]}",
                    fix=_ADVICE.format(version.archive),
                )
    return None


def read(path: str | Path, options: ReadingOptions = ReadingOptions()) -> Parts:  # noqa: ARG001, B008
    """CIFAR-10 or CIFAR-100, with fine labels, from a folder. Raises DataError for other files."""
    path = Path(path)
    found = find(path)
    if found is None:
        raise DataError(
            "no CIFAR data set here",
            file=printable(path),
            found="neither data_batch_1.bin nor train.bin",
            wanted="the files of CIFAR's binary version",
            fix=_ADVICE.format(" or ".join(version.archive for version in _VERSIONS)),
        )
    folder, version = found
    missing = [name for name in version.train if not (folder / name).exists()]
    if missing:
        raise DataError(
            "CIFAR's training images are incomplete",
            file=printable(folder),
            found=f"no {listed(missing)}",
            wanted=listed(version.train),
            fix=_FIX.format(version.archive),
        )
    test = folder / version.test
    return Parts(
        _samples([folder / name for name in version.train], version),
        None,
        _samples([test], version) if test.exists() else None,
        _class_names(folder / version.names, version),
    )


def _samples(batches: list[Path], version: _Version) -> Samples:
    """The images (n, 32, 32, 3) and labels of several files, one after the other."""
    record = version.labels + _PIXELS
    wanted = f"records of {record:,} bytes, with labels below {version.classes}"
    fix = _FIX.format(version.archive)
    memory.require(sum(map(os.path.getsize, batches)), "CIFAR's images", memory.OF_A_FILE)
    images, labels = [], []
    for path in batches:
        with files.open_file(path, "a CIFAR file that cannot be used", wanted, fix) as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0 or size % record:
                raise ValueError(f"{size:,} bytes, which are no whole records")
            table = storage.map_array(file, np.uint8, (size // record, record), 0)
            numbers = table[:, version.labels - 1].astype(np.int64)
            if numbers.max() >= version.classes:
                raise ValueError(f"label {numbers.max()} in record {numbers.argmax()}")
            planes = table[:, version.labels :].reshape(-1, 3, 32, 32)
            images.append(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)))
            labels.append(numbers)
    return Samples(
        images[0] if len(images) == 1 else np.concatenate(images), np.concatenate(labels)
    )


def _class_names(path: Path, version: _Version) -> tuple[str, ...]:
    """The names in a file, one a line; none without the file."""
    if not path.exists():
        return ()
    wanted = f"{version.classes} names, each in its line, in UTF-8"
    fix = _FIX.format(version.archive)
    with files.open_file(path, "class names that cannot be used", wanted, fix, 2**16) as file:
        names = tuple(file.read().decode("utf-8").split())
        if len(names) != version.classes:
            raise ValueError(f"{len(names)} names")
    return names


def _is_pickle(path: Path) -> bool:
    try:
        with storage.open_file(path) as file:
            return file.read(1) == b"\x80"
    except OSError:
        return False
