"""Validation set of one's own: all samples of a path, in the classes of the data to train on."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np

from handstitch.data import own, places
from handstitch.data.dataset import Dataset
from handstitch.data.labels import name_labels, number_labels
from handstitch.data.loading import AbsentError
from handstitch.errors import Argument, DataError, Phrase, printable
from handstitch.records import ReadingOptions

_logger = logging.getLogger(__name__)


def open_path(path: str | Path, data: Dataset, options: ReadingOptions) -> Dataset:
    """The samples at `path` to validate a training on `data`; the place is remembered for `find`.

    They are its validation part where it has one, else its training part, of which no test part is
    drawn. A class may be missing. Raises UsageError if the path holds no data set, DataError if it
    holds a class that `data` have not, or `data` themselves, MachineError if it cannot be read.
    """
    known = None if os.path.lexists(path) else places.named(str(path), is_validation=True)
    if known is not None:
        _logger.info("%s: %s", printable(str(path)), printable(known[0]))
        path, options = known
    path = Path(os.path.expanduser(path))  # noqa: PTH111 (Path's raises for unknown users)
    parts, _ = own.read_parts(path, options)
    if parts.validation is None and path.resolve() == Path(data.location).resolve():
        raise DataError(
            "the validation set is the data set to train on",
            file=printable(path),
            found="the same path for both, and no validation part in it",
            wanted="other samples: those that are trained on say nothing about new ones",
            fix=Phrase("name others, or hold out a fraction: {}", Argument("validation", 0.1)),
        )
    samples = parts.validation or parts.train
    with own.naming(path):
        names = np.array(parts.class_names)
        words = names[samples.labels] if parts.class_names else name_labels(samples.labels)
        numbers = number_labels(words, data.class_names).numbers
    found = Dataset(
        places.name_of(path), "validation", samples.images, numbers, data.class_names, str(path)
    )
    places.remember(found.digest, path, options, is_validation=True)
    return found


def find(digest: str, data: Dataset) -> Dataset:
    """The validation set of this digest, where it was opened last, for a training on `data`.

    Raises AbsentError if it was never opened on this machine, DataError if it has changed.
    """
    place = places.find(digest)
    if place is None or not os.path.lexists(place[0]):
        raise AbsentError(
            "the validation set of this run is not on this machine",
            found=f"no data with SHA-256 {digest[:8]}…" if place is None else "nothing at its path",
            wanted="the files it was validated on",
            fix=Phrase("name their path: {}", Argument("validation", "PATH")),
        )
    found = open_path(place[0], data, place[1])
    require_same(found, digest)
    return found


def require_same(validation: Dataset, digest: str) -> None:
    """Raise DataError unless these are the samples with this digest; an empty one is any."""
    if digest and validation.digest != digest:
        raise DataError(
            "the validation set has changed since",
            file=printable(validation.location),
            found=f"SHA-256 {validation.digest[:8]}…",
            wanted=f"SHA-256 {digest[:8]}…",
            fix=Phrase("restore its files, or name others: {}", Argument("validation", "PATH")),
        )
