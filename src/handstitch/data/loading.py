"""Load published data sets: located on disk, downloaded or generated, and always verified.

`locations` has the folders that are searched, in order; what is in none of them is downloaded into
the user's cache. A bad file in the first location with any file is an error: it is never skipped,
replaced, or answered with other data.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.data import catalog, locations, verification
from handstitch.data.catalog import CLASS_NAMES, TITLES, OfficialFile, Part
from handstitch.data.dataset import Dataset
from handstitch.data.locations import Location
from handstitch.errors import Argument, DataError, Phrase, UsageError, printable

if TYPE_CHECKING:
    pass

_logger = logging.getLogger(__name__)

_SKETCH: Final = {"train": (60_000, 2017), "test": (10_000, 2018)}
"""Images and seed of each part. The seeds differ, and stay what they are."""

_ON_DISK: Final = ("fashion-mnist", "mnist")

_unreachable: dict[str, str] = {}
"""Why downloading a data set failed in this process: it is not tried a second time."""


class AbsentError(DataError):
    """The data set is not on this machine and cannot be downloaded."""


class Verified(NamedTuple):
    """Files of a data set, verified by their checksums."""

    location: Location
    checked: dict[OfficialFile, tuple[Path, str]]
    """Path and SHA-256 of each file."""
    arrays: dict[OfficialFile, NDArray[np.uint8]]
    """The arrays of the files that were unpacked."""

    def dataset(self, part: Part) -> Dataset:
        """A part whose files were unpacked."""
        name, folder = self.location.name, str(self.location.folder)
        files = catalog.files_of(name, part)
        images, labels = (self.arrays[file] for file in files)
        digest = files[0].data_digest  # the files' checksums say that it is theirs
        return Dataset(name, part, images, labels, CLASS_NAMES[name], folder, digest)


def load(
    name: str,
    part: Part,
    data_dir: str | Path | None = None,
    *,
    fetch: bool = True,
    location: Location | None = None,
) -> Dataset:
    """One part of the data set `name`: `fashion-mnist`, `mnist` or `sketch`.

    For `train` all four files must be there and are verified by checksum, for `test` its two; the
    test images are not unpacked for training. `fetch=False` leaves the network alone;
    `location` is where `resolve` found it.

    Raises DataError for files that are missing or damaged, MachineError if they cannot be read or
    a download cannot be saved, UsageError for an unknown name.
    """
    if name == "sketch":
        return draw(part)
    found = verify(name, part, data_dir, fetch=fetch, location=location, unpack=(part,))
    return found.dataset(part)


def verify(
    name: str,
    part: Part,
    data_dir: str | Path | None = None,
    *,
    fetch: bool = True,
    location: Location | None = None,
    unpack: Sequence[Part] = (),
) -> Verified:
    """Locate the files that `part` needs, and verify each by its checksum.

    `train` needs all four, `test` its own two; those of the parts in `unpack` are read, too.
    Raises as `load` does.
    """
    files = catalog.files_of(name, *(() if part == "train" else (part,)))
    location = location or locate(name, files, data_dir, fetch)
    missing = location.missing(files)
    if missing:
        raise DataError(
            f"{TITLES[name]} is incomplete",
            file=printable(location.folder),
            found="no " + ", no ".join(file.name for file in missing),
            wanted=f"all {len(files)} files, compressed or not",
            fix=Phrase("put them there, or run: {}", location.fetch),
        )
    found = Verified(location, {}, {})
    for file in files:
        path = location.path_of(file)
        sha256, array = verification.verify(path, file, location.fix, unpack=file.part in unpack)
        found.checked[file] = path, sha256
        if array is not None:
            found.arrays[file] = array
            if path.suffix == ".gz" and sha256 == file.content_sha256:
                _logger.info(
                    "%s is named .gz but is not compressed; read uncompressed", printable(path)
                )
    return found


def fetch(name: str, data_dir: str | Path | None = None) -> Location:
    """Download the missing files of a data set and verify all of it; returns its location.

    That is where files of it are already, else the folder `<name>` of `data_dir`, else the user's
    cache. Raises MachineError if the network or the disk fails, DataError if an existing file is
    bad, UsageError for a name that cannot be downloaded.
    """
    from handstitch.data.download import fetch_files

    check_name(name, _ON_DISK)
    location = locations.locate(name, data_dir)
    files = catalog.files_of(name)
    missing = location.missing(files)
    for file in files:
        if file not in missing:
            verification.verify(location.path_of(file), file, location.fix)
    fetch_files(missing, location.folder)
    _unreachable.pop(name, None)
    return location


def draw(part: Part) -> Dataset:
    """Generate a part of `sketch`."""
    from handstitch.data import sketch

    images, labels = sketch.draw(*_SKETCH[part])
    return Dataset("sketch", part, images, labels, CLASS_NAMES["sketch"], "drawn from a seed")


def check_name(name: str, known: Collection[str]) -> None:
    """Raise UsageError for an unknown name, AbsentError for `arrays`, which has no files."""
    if name == "arrays":
        raise AbsentError(
            "the data set arrays has no files: its images are passed from Python",
            found="dataset arrays",
            wanted=f"one of {', '.join(known)}, or the images themselves",
            fix="in Python: train(data=dataset), resume(folder, data=dataset) or "
            "evaluate(images, labels)",
        )
    if name not in known:
        raise UsageError(
            f"unknown data set: {printable(name)}",
            found=printable(name),
            wanted=", ".join(known),
            fix=f"give one of these names, such as {next(iter(known))}",
        )


def locate(
    name: str, files: Sequence[OfficialFile], data_dir: str | Path | None, fetch: bool
) -> Location:
    """The location of the files; if it is the cache, missing files are downloaded, if allowed."""
    check_name(name, _ON_DISK)
    location = locations.locate(name, data_dir)
    missing = location.missing(files)
    if location.is_cache and missing and (fetch or not location.holds_any()):
        why = _fetch(location) if fetch else "downloading is switched off"
        if why:
            raise AbsentError(
                f"{TITLES[name]} is not on this machine and could not be downloaded",
                found=f"not in data/{name} nor in {printable(location.folder)}; {why}",
                wanted=", ".join(file.name for file in missing),
                fix=Phrase(
                    "put these files in a folder and name it with {}, "
                    "or train on generated images: {}",
                    Argument("data_dir"),
                    Argument("dataset", "sketch"),
                ),
            )
    elif not location.holds_any():
        raise DataError(
            f"no {TITLES[name]} in this folder",
            file=printable(str(data_dir)),
            found="none of its files" if location.folder.parent.is_dir() else "no such folder",
            wanted=f"{catalog.files_of(name)[0].name} and the rest, in it or in {name}/ there",
            fix=Phrase("name another folder, or run: {}", location.fetch),
        )
    return location


def _fetch(location: Location) -> str:
    """Download the missing files of `location`; returns why that failed, or empty."""
    from handstitch.data.download import UnreachableError, fetch_files

    if location.name not in _unreachable:
        try:
            fetch_files(location.missing(catalog.files_of(location.name)), location.folder)
        except UnreachableError as error:
            _unreachable[location.name] = str(error.found)
    return _unreachable.get(location.name, "")
