"""Data sets of one's own: what a path holds, by its content, as `Dataset`s.

    data = own.open_path("photos", ReadingOptions(image_size=(64, 64)))
    Trainer(config, data.train).fit()

Where the files hold no test part, a fifth of each class becomes it. Which samples these are depends
on the data alone: the same for every run, seed and format.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Indices
from handstitch.data import decoded, formats, places
from handstitch.data.catalog import TITLES
from handstitch.data.dataset import Dataset, digest_of
from handstitch.data.labels import number_parts
from handstitch.data.readers.parts import Parts, Samples
from handstitch.data.splits import split
from handstitch.errors import DataError, UsageError, listed, printable
from handstitch.records import ReadingOptions

_logger = logging.getLogger(__name__)

_TEST_FRACTION: Final = 0.2
_MOST_BESIDE: Final = 1_000
"""Entries of a folder among which a misspelt name is looked for."""
_FEWEST: Final = 5
"""Samples in classes of two or more, of which a test part can be drawn."""


class OwnData(NamedTuple):
    """The parts of a data set of one's own."""

    train: Dataset
    test: Dataset
    validation: Dataset | None
    format: str
    """What the path holds: "a folder of pictures"."""
    options: ReadingOptions
    is_test_drawn: bool
    """Whether the test part was drawn from the training part, for want of one in the files."""
    files: Callable[[], dict[str, list[str]]] = dict
    """Lists, by part, the path of each sample below the folder, where each has its own file."""

    @property
    def digest(self) -> str:
        """The digest of the training part, by which a run knows its data."""
        return self.train.digest


def open_path(path: str | Path, options: ReadingOptions = ReadingOptions()) -> OwnData:  # noqa: B008 (immutable)
    """Read the data set at `path`, and remember its place for `places.find`.

    Raises UsageError if the path holds no data set, DataError if it holds one that cannot be used,
    MachineError if it cannot be read.
    """
    path = Path(os.path.expanduser(path))  # noqa: PTH111 (Path's raises for unknown users)
    parts, title = read_parts(path, options)
    with naming(path):
        data = _datasets(path, parts, title, options)
    before = places.remember(data.digest, path, options)
    if before is None:
        _describe(data, path)
    if before is None or before.options != options:
        say_ignored(options, data.train.image_shape, title)
    return data


def _describe(data: OwnData, path: Path) -> None:
    """Say, once, what is not to be seen in the files."""
    if data.is_test_drawn:
        _logger.info("no test part in %s: %d samples, a fifth of each class, are drawn for it",
                     printable(path), len(data.test))  # fmt: skip
    for part in (data.train, data.test):
        without = [name for name, n in zip(part.class_names, part.counts(), strict=True) if not n]
        if without:
            _logger.warning(
                "the %s part of %s has no sample of %s", part.part, printable(path), listed(without)
            )


def say_ignored(options: ReadingOptions, shape: tuple[int, ...], data: str) -> None:
    """Warn of options that had no effect on data of this shape: they are for pictures in files."""
    if options.image_size and options.image_size != shape[:2]:
        _logger.warning("%s: not resized, the image size is for files of pictures", data)
    if options.grayscale and len(shape) == 3:
        _logger.warning("%s: the colours are kept, grey is for files of pictures", data)


def read_parts(path: Path, options: ReadingOptions) -> tuple[Parts, str]:
    """The parts of the data set at `path`, and what the path holds. Raises as `open_path`."""
    _require_existence(path)
    form, place = formats.identify(path)
    reader = importlib.import_module(f"handstitch.data.readers.{form.reader}")
    with naming(path):
        parts: Parts = reader.read(place, options)
    return parts, form.title


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """A context in which a DataError that names no file gets this path."""
    try:
        yield
    except DataError as error:
        if error.file:
            raise
        raise replace(error, file=printable(path)) from error


def _require_existence(path: Path) -> None:
    if os.path.lexists(path):
        return
    above = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    is_name = path.name == str(path) and not path.suffix
    near = _nearest(path, above, TITLES if is_name else ())
    if is_name:
        raise UsageError(
            f"unknown data set: {printable(path)}",
            found="no data set of this name, and no file or folder of this name here",
            wanted=f"{', '.join(TITLES)}, or a path",
            fix=near or "give one of these names, or the path of a folder or file",
        )
    raise UsageError(
        "there is no such file or folder",
        file=printable(path),
        found=f"nothing of this name in {printable(above)}",
        wanted=formats.WANTED,
        fix=near or "check the spelling, and from where the path starts",
    )


def _nearest(path: Path, above: Path, names: Iterable[str]) -> str:
    """What may be meant by a path at which nothing is, among the names and what is `above`."""
    if path.absolute().parent == above:
        with suppress(OSError):
            names = [*names, *islice((entry.name for entry in os.scandir(above)), _MOST_BESIDE)]
    plain = {name.lower(): name for name in sorted(names, reverse=True)}
    near = get_close_matches(path.name.lower(), plain, 1)
    return f"perhaps: {printable(path.with_name(plain[near[0]]))}" if near else ""


def _datasets(path: Path, parts: Parts, form: str, options: ReadingOptions) -> OwnData:
    samples = {part: found for part, found in parts._asdict().items() if isinstance(found, Samples)}
    names, labels = number_parts(
        {part: found.labels for part, found in samples.items()}, parts.class_names
    )
    arrays: dict[str, tuple[Any, NDArray[Any]]] = {
        part: (found.images, labels[part]) for part, found in samples.items()
    }
    is_drawn = "test" not in arrays
    drawn: dict[str, Indices] = {}
    if is_drawn:
        images, numbers = arrays["train"]
        digest = digest_of(images, numbers)
        drawn = dict(zip(("train", "test"), draw_test(numbers, digest), strict=True))
        arrays |= {
            part: (decoded.take(images, rows, digest), numbers[rows])
            for part, rows in drawn.items()
        }

    def list_files() -> dict[str, list[str]]:
        files = {part: listed for part, found in samples.items() if (listed := found.files())}
        train = files.get("train", [])
        return files | {part: [train[k] for k in rows] for part, rows in drawn.items() if train}

    name = places.name_of(path)
    datasets = {
        part: Dataset(name, part, images, numbers, names, str(path))
        for part, (images, numbers) in arrays.items()
    }
    return OwnData(
        datasets["train"],
        datasets["test"],
        datasets.get("validation"),
        form,
        options,
        is_drawn,
        list_files,
    )


def draw_test(labels: NDArray[Any], digest: str) -> tuple[Indices, Indices]:
    """Positions of the training and the test samples: a fifth of each class is the test part.

    A class of one sample stays in training. Raises DataError where there are too few samples.
    """
    counts = np.bincount(labels)
    several = np.flatnonzero(counts[labels] > 1)
    if len(several) < _FEWEST:
        raise DataError(
            "there are too few samples to draw a test part from",
            found=f"{len(labels):,} samples, {len(several):,} of them in classes of two or more",
            wanted=f"{_FEWEST} samples in classes of two or more, or a test part in the files",
            fix="add samples, or a test part beside the training part",
        )
    _, drawn = split(labels[several], _TEST_FRACTION, int(digest[:16], 16), stratified=True)
    test = several[drawn]
    return np.delete(np.arange(len(labels)), test), test
