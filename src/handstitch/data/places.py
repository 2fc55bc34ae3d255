"""Places of the data sets that this user has opened, by the digest of their training part.

A run's folder holds the digest of its data and no path: it may be somebody else's. Where the data
are is in a file of the user's cache, so that a run is tested or resumed without naming them again.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from handstitch import storage
from handstitch.data.catalog import TITLES
from handstitch.data.locations import user_cache
from handstitch.errors import MachineError, printable
from handstitch.records import ReadingOptions

_MOST: Final = 1_000
"""Places that are remembered: the latest."""
_FILE: Final = "places.json"

_logger = logging.getLogger(__name__)


class Place(msgspec.Struct, frozen=True):
    """Where a data set was, and how it was read."""

    path: Annotated[bytes, Meta(min_length=1, max_length=2**15)]
    """As the operating system has it: not every name is text."""
    options: ReadingOptions
    is_validation: bool = False
    """Whether it was opened to validate on: then its name stands for no data to train on."""


class _Index(msgspec.Struct, frozen=True):
    places: dict[str, Place]
    """By digest, the latest last."""


def find(digest: str) -> tuple[Path, ReadingOptions] | None:
    """Path and options of the data set with this digest, as they were when it was opened last.

    The path may hold other data by now: who opens it compares the digest.
    """
    place = _read(user_cache() / _FILE).get(digest)
    return None if place is None else (Path(os.fsdecode(place.path)), place.options)


def named(name: str, *, is_validation: bool = False) -> tuple[Path, ReadingOptions] | None:
    """Path and options of the data set of this name that was opened last, to train or validate."""
    for place in reversed(_read(user_cache() / _FILE).values()):
        path = Path(os.fsdecode(place.path))
        if place.is_validation == is_validation and name_of(path) == name:
            return path, place.options
    return None


def name_of(path: Path) -> str:
    """The name of the data set at a path: that of its folder, or of its file without suffixes."""
    called = path.resolve().name
    name = printable(called if path.is_dir() else called.partition(".")[0])[:80] or "data"
    return f"own-{name}" if name in {*TITLES, "auto", "arrays"} else name


def remember(
    digest: str, path: Path, options: ReadingOptions, *, is_validation: bool = False
) -> Place | None:
    """Remember where the data set with this digest is; returns where it was, if that is known.

    A cache that cannot be written is logged.
    """
    folder, before = user_cache(), None
    place = Place(os.fsencode(path.absolute()), options, is_validation)
    try:
        storage.make_folder(folder)
        with storage.lock_folder(folder, patience=5):
            known = _read(folder / _FILE)
            before = known.get(digest)
            if before == place:
                return before
            known.pop(digest, None)
            latest = list(known.items())[1 - _MOST :]
            index = _Index({**dict(latest), digest: place})
            storage.write(folder / _FILE, msgspec.json.encode(index), durable=False)
    except MachineError as error:
        _logger.warning(
            "the place of these data is not remembered: %s (%s)",
            error.problem,
            printable(error.file),
        )
    return before


def _read(path: Path) -> dict[str, Place]:
    """The places in the file; none where it is missing, damaged or cannot be read."""
    try:
        return storage.read_record(path, _Index).places
    except (OSError, ValueError):
        return {}
