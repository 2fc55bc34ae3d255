"""Where data sets come from: found on disk, fetched, or drawn; and never taken unverified.

`places` says where on this machine is looked and in what order; what is found nowhere is fetched
into the user's cache. A bad file in the place that counts is an error: it is never skipped,
replaced, or answered with something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from handstitch.data import idx, official, places, verification
from handstitch.data.dataset import Dataset, digest_of
from handstitch.data.idx import Notify, ignore
from handstitch.data.official import CLASS_NAMES, IMAGES_IN, TITLES, Part
from handstitch.data.places import Place
from handstitch.errors import DataError, MachineError, UsageError, printable

SKETCH_TRAIN: Final = IMAGES_IN["train"]
SKETCH_TEST: Final = IMAGES_IN["test"]
_SKETCH: Final = {"train": (SKETCH_TRAIN, 2017), "test": (SKETCH_TEST, 2018)}
"""Images and seed of each part. The seeds differ, and stay what they are."""

_ON_DISK: Final = ("fashion-mnist", "mnist")

_unreachable: dict[str, MachineError] = {}
"""Why fetching a data set failed in this process: to wait a second time would teach nothing."""


class AbsentError(DataError):
    """The data set is nowhere on this machine and cannot be fetched."""


class Choice(msgspec.Struct, frozen=True):
    """The data set that a name came to mean."""

    name: str
    """`fashion-mnist`, `mnist` or `sketch`; never `auto`."""
    reason: str = ""
    """Why it is `sketch` although `auto` prefers Fashion-MNIST; else empty."""


def load(
    name: str,
    part: Part,
    data_dir: str | Path | None = None,
    *,
    fetch: bool = True,
    notify: Notify = ignore,
) -> Dataset:
    """One part of the data set `name`: `fashion-mnist`, `mnist` or `sketch`.

    For `train` all four files must be there and are verified by checksum, for `test` its two; the
    test images are not unpacked for the sake of training. `fetch=False` leaves the network alone;
    `notify` hears of downloads and of oddities that stop nothing.

    Raises DataError for files that are absent, incomplete or bad, MachineError if they cannot be
    read or a download cannot be kept, UsageError for an unknown name.
    """
    if name == "sketch":
        return _draw(part)
    place = verify(name, part, data_dir, fetch=fetch, notify=notify)
    images, labels = (
        idx.read(place.path_of(file), file.expected(place.fix), notify, scanned=True)
        for file in official.files_of(name, part)
    )
    return Dataset(
        name=name,
        part=part,
        images=images,
        labels=labels,
        class_names=CLASS_NAMES[name],
        digest=digest_of(images, labels),
        location=str(place.folder),
    )


def verify(
    name: str,
    part: Part,
    data_dir: str | Path | None = None,
    *,
    fetch: bool = True,
    notify: Notify = ignore,
) -> Place:
    """Find the files that `part` needs and check by checksum that each is the published one.

    `train` needs all four, `test` its own two. Returns where they are. Raises as `load` does.
    """
    place = _locate(name, data_dir, fetch, notify)
    files = official.files_of(name, *(() if part == "train" else (part,)))
    if place.is_cache and fetch and place.missing(files):
        _complete_quietly(place, notify)
    missing = place.missing(files)
    if missing:
        raise DataError(
            f"{TITLES[name]} is incomplete",
            file=printable(place.folder),
            found="no " + ", no ".join(file.name for file in missing),
            wanted=f"all {len(files)} files, compressed or not",
            fix=f"put them there, or run: {place.fetch_command}",
        )
    for file in files:
        verification.verify(place.path_of(file), file, place.fix)
    return place


def resolve(name: str, data_dir: str | Path | None = None, *, notify: Notify = ignore) -> Choice:
    """The data set that `name` means: `auto` is Fashion-MNIST if it can be had, else `sketch`.

    Any other name means itself. Fashion-MNIST can be had if a place holds files of it, sound or
    not (loading verifies them), or if it can be fetched. An explicit `data_dir` without it is an
    error even so: who names a folder does not want something drawn instead. Raises DataError for
    that, UsageError for an unknown name.
    """
    if name != "auto":
        _check_name(name, tuple(TITLES))
        return Choice(name)
    try:
        place = _locate("fashion-mnist", data_dir, True, notify)
        if place.is_cache and place.missing(official.files_of(place.name)):
            _complete_quietly(place, notify)
    except (AbsentError, MachineError) as error:
        return Choice("sketch", f"{error.problem} ({error.facts['found']})")
    return Choice("fashion-mnist")


def fetch(name: str, data_dir: str | Path | None = None, *, notify: Notify = ignore) -> Place:
    """Fetch what is missing of a data set, verify all of it and say where it is.

    It goes where files of it are already, else into the folder `<name>` of `data_dir`, else into
    the user's cache. Raises MachineError if the network or the disk stands in the way, DataError
    if a file that is there already is bad, UsageError for a name that cannot be fetched.
    """
    _check_name(name, _ON_DISK)
    place = places.first_with_files(name, data_dir, ignore)
    if place is None:
        place = places.cache(name) if data_dir is None else places.given(name, data_dir)[0]
    _complete(place, notify)
    return place


def _draw(part: Part) -> Dataset:
    from handstitch.data import sketch

    images, labels = sketch.draw(*_SKETCH[part])
    return Dataset(
        name="sketch",
        part=part,
        images=images,
        labels=labels,
        class_names=CLASS_NAMES["sketch"],
        digest=digest_of(images, labels),
        location="drawn from a seed",
    )


def _check_name(name: str, known: Sequence[str]) -> None:
    if name not in known:
        import difflib

        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise UsageError(
            f"there is no data set {printable(name)} here",
            found=printable(name),
            wanted=", ".join(known),
            fix=f"perhaps: --dataset {nearest}",
        )


def _locate(name: str, data_dir: str | Path | None, fetch: bool, notify: Notify) -> Place:
    """The place that counts, filled by fetching if there is none and fetching is allowed."""
    _check_name(name, _ON_DISK)
    place = places.first_with_files(name, data_dir, notify)
    if place is not None:
        return place
    if data_dir is not None:
        where = places.given(name, data_dir)[0]
        raise DataError(
            f"no {TITLES[name]} in the folder given",
            file=printable(data_dir),
            found="none of its files" if where.folder.parent.is_dir() else "no such folder",
            wanted=f"{official.files_of(name)[0].name} and the rest, in it or in {name}/ there",
            fix=f"name another folder, or run: {where.fetch_command}",
        )
    place = places.cache(name)
    if not fetch:
        raise _absent(place, "fetching is switched off")
    _complete_quietly(place, notify)
    return place


def _complete(place: Place, notify: Notify) -> None:
    """Verify the files that are there and fetch the others."""
    from handstitch.data.fetching import fetch_files

    files = official.files_of(place.name)
    missing = place.missing(files)
    for file in files:
        if file not in missing:
            verification.verify(place.path_of(file), file, place.fix)
    fetch_files(missing, place.folder, notify)
    _unreachable.pop(place.name, None)


def _complete_quietly(place: Place, notify: Notify) -> None:
    """The same for someone who only wants the data: to them a dead network means AbsentError."""
    from handstitch.data.fetching import UnreachableError

    try:
        if place.name in _unreachable:
            raise _unreachable[place.name]
        _complete(place, notify)
    except UnreachableError as error:
        _unreachable[place.name] = error
        raise _absent(place, str(error.facts["found"])) from error


def _absent(place: Place, why: str) -> AbsentError:
    files = official.files_of(place.name)
    missing = ", ".join(file.name for file in place.missing(files))
    return AbsentError(
        f"{TITLES[place.name]} is not on this machine and cannot be fetched",
        found=f"not in data/{place.name} nor in {printable(place.folder)}; {why}",
        wanted=missing,
        fix="put these files in a folder and name it with --data-dir, or train on drawings: "
        "--dataset sketch",
    )
