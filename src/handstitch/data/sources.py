"""Source of data: what a name, a path or a record stands for.

A user's own data are named by a path once; `places` remembers it. What a run or a model file says
of its data is their name and digest, never a path, so a folder that somebody sent opens nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from handstitch.data import catalog, loading
from handstitch.data.catalog import TITLES, Part
from handstitch.data.dataset import Dataset
from handstitch.data.locations import Location
from handstitch.errors import Argument, DataError, MachineError, Phrase, printable
from handstitch.records import ReadingOptions

if TYPE_CHECKING:
    from handstitch.data.own import OwnData

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """The data set that a name or a path stands for, and where it is."""

    name: str
    """`fashion-mnist`, `mnist` or `sketch`, never `auto`; or the name of the user's own."""
    reason: str = ""
    """Why `auto` fell back to `sketch`; else empty."""
    location: Location | None = None
    """Where files of it were found. None if they were not searched for."""
    data_dir: str | Path | None = None
    own: OwnData | None = None
    """The parts of the user's own data."""

    def load(self, part: Part, *, fetch: bool = True) -> Dataset:
        """One part of it. Raises as `load` does."""
        if self.own is None:
            return loading.load(self.name, part, self.data_dir, fetch=fetch, location=self.location)
        return self.own.train if part == "train" else self.own.test

    def renamed(self, name: str) -> Source:
        """The user's own data under the name that a record has for them, unless that is a path."""
        if self.own is None or self.name == name or Path(name).name != name:
            return self
        own, validation = self.own, self.own.validation
        own = own._replace(
            train=replace(own.train, name=name),
            test=replace(own.test, name=name),
            validation=validation and replace(validation, name=name),
        )
        return replace(self, name=name, own=own)

    @property
    def files(self) -> Mapping[str, Sequence[str]]:
        """Part → the path of each sample below the user's folder, where each has its own file."""
        return self.own.files() if self.own else {}

    @property
    def validation(self) -> Dataset | None:
        """Its own validation part; None where it has none, and one is split off."""
        return self.own.validation if self.own else None

    def validation_of(self, digest: str) -> Dataset | None:
        """The samples of this digest that a training on it was validated on: its own validation
        part, which an empty digest stands for, or another set, found where it was opened last.
        """
        own = self.validation
        if not digest or (own is not None and own.digest == digest):
            return own
        from handstitch.data import validation

        return validation.find(digest, self.load("train"))


def resolve(
    name: str, data_dir: str | Path | None = None, options: ReadingOptions | None = None
) -> Source:
    """The data set that the user named: one of the known names, a path, or `auto`.

    A path is read (see `own`) with these options, and remembered; from then on the name of its
    file or folder stands for it, too. `auto` is Fashion-MNIST if available, else `sketch`.
    Fashion-MNIST is available if a location has files of it, sound or not (loading verifies
    them), or if it can be downloaded. An explicit `data_dir` without it is an error: someone who
    names a folder does not want generated data instead. Raises DataError for that and for data
    that cannot be used, UsageError for what is neither a name nor a path.
    """
    if name in {*TITLES, "arrays"}:
        loading.check_name(name, TITLES)
        if options and options.image_size:
            from handstitch.data.own import say_ignored

            say_ignored(options, (28, 28), TITLES[name])
        return Source(name, data_dir=data_dir)
    if name != "auto":
        return _open(name, options or ReadingOptions())
    name = "fashion-mnist"
    try:
        location = loading.locate(name, catalog.files_of(name), data_dir, True)
    except (loading.AbsentError, MachineError) as error:
        return Source("sketch", f"{error.problem} ({error.found})")
    return Source(name, location=location, data_dir=data_dir)


def recorded(name: str, digest: str, data_dir: str | Path | None = None) -> Source:
    """The data set that a record names: a run, a search or a model file.

    `digest` is that of its training part, or empty. The user's own data are found by it, or by
    their name, where they were last opened: a record is trusted to name data, not to name a path.
    Raises AbsentError if they were never opened on this machine, DataError if they have changed.
    """
    if name in {*TITLES, "arrays"}:
        loading.check_name(name, TITLES)
        return Source(name, data_dir=data_dir)
    from handstitch.data import places

    place = places.find(digest) if digest else places.named(name)
    if place is None:
        raise loading.AbsentError(
            f"the data set {printable(name)} was never opened on this machine",
            found=f"no data with SHA-256 {digest[:8]}…" if digest else "no data of this name",
            wanted="the files it was trained on",
            fix=Phrase("name their path: {}", Argument("dataset", "PATH")),
        )
    if not os.path.lexists(place[0]):
        raise loading.AbsentError(
            f"the data set {printable(name)} is no longer where it was opened last",
            file=printable(place[0]),
            found="nothing at that path",
            wanted="the files it was trained on",
            fix=Phrase("name their path now: {}", Argument("dataset", "PATH")),
        )
    source = _open(*place)
    require_same(source, name, digest)
    return source.renamed(name)


def given(
    path: str,
    name: str,
    digest: str,
    data_dir: str | Path | None = None,
    options: ReadingOptions | None = None,
) -> Source:
    """The data that the user names for a record of `name` and `digest`.

    They are known by that name if they are the same data, wherever they are now.
    """
    source = resolve(path, data_dir, options)
    is_same = source.own is not None and source.own.digest == digest
    return source.renamed(name) if is_same else source


def require_same(source: Source, name: str, digest: str) -> None:
    """Raise DataError unless these are the data with this digest; an empty one is any."""
    data = source.load("train")
    if digest and data.digest != digest:
        raise DataError(
            f"the data set {printable(name)} has changed since",
            file=printable(data.location),
            found=f"SHA-256 {data.digest[:8]}…",
            wanted=f"SHA-256 {digest[:8]}…",
            fix=Phrase("restore its files, or name others: {}", Argument("dataset", "PATH")),
        )


def _open(path: str | Path, options: ReadingOptions) -> Source:
    """The data at a path, or of a name under which a path was opened before."""
    from handstitch.data import own, places

    known = None if os.path.lexists(path) else places.named(str(path))
    if known is not None:
        _logger.info("%s: %s", printable(str(path)), printable(known[0]))
        path, options = known
    data = own.open_path(path, options)
    return Source(data.train.name, own=data)
