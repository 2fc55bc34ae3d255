"""Locations of a data set: the folders that are searched for it, in order.

The first location that holds any of its files is the one that is used:

1. `data_dir` (from --data-dir): the folder `<name>` in it, or the folder itself; no other
2. the same for $HANDSTITCH_DATA
3. ./data/<name>
4. <the user's cache>/handstitch/<name>
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handstitch import storage
from handstitch.data import catalog
from handstitch.data.catalog import OfficialFile
from handstitch.errors import Argument, Call, Phrase, printable

VARIABLE: Final = "HANDSTITCH_DATA"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Location:
    """A folder that holds a data set, or into which it may be downloaded."""

    name: str
    folder: Path
    fetch: Call
    """The call that downloads missing files to here."""
    is_cache: bool = False
    """Whether it is the user's cache, in which missing files may be downloaded."""

    @property
    def fix(self) -> Phrase:
        """What to do about a bad file here. It is not to be deleted: it may be the only copy."""
        return Phrase("move it aside and run: {}", self.fetch)

    def path_of(self, file: OfficialFile) -> Path:
        """The path of `file`: the compressed form, unless only the other one exists."""
        packed = self.folder / file.name
        plain = packed.with_suffix("")
        return plain if os.path.lexists(plain) and not os.path.lexists(packed) else packed

    def missing(self, files: Sequence[OfficialFile]) -> list[OfficialFile]:
        """Those of `files` that exist in neither form."""
        # A broken link counts as existing: it is an error, not absent.
        return [file for file in files if not os.path.lexists(self.path_of(file))]

    def holds_any(self) -> bool:
        """Whether at least one file of the data set exists here."""
        return any(os.path.lexists(self.path_of(file)) for file in catalog.files_of(self.name))

    def holds_another(self) -> bool:
        """Whether the labels here, the smallest files, are those of another published data set."""
        for file in catalog.files_of(self.name):
            if file.kind == "labels":
                try:
                    content = storage.read_file(self.path_of(file), 2**20)
                except OSError:
                    continue
                known = catalog.with_checksum(hashlib.sha256(content).hexdigest())
                return known is not None and known.dataset != self.name
        return False


def locate(name: str, data_dir: str | Path | None) -> Location:
    """The location of a data set; if no location has any file, the one to download to.

    A $HANDSTITCH_DATA that has none, or another data set, is skipped, with a warning.
    """
    fetch = Call(
        "data.loading.fetch",
        name,
        *([] if data_dir is None else [Argument("data_dir", data_dir)]),
    )
    # A variable that is set but empty is how a Makefile says "not set".
    named = os.environ.get(VARIABLE) or None if data_dir is None else data_dir
    folders = []
    if named is not None:
        root = Path(os.path.expanduser(named))  # noqa: PTH111  # Path's raises for unknown users
        folders = [Location(name, root / name, fetch), Location(name, root, fetch)]
    for location in folders:
        # All published sets share their names: a folder that is named for a call is for this set,
        # and an error if it is another's; one named for every call is another's home.
        if location.holds_any() and not (data_dir is None and location.holds_another()):
            return location
    if data_dir is not None:
        return folders[0]
    if folders:
        _logger.warning(
            "$%s names %s, which holds no %s",
            VARIABLE,
            printable(folders[1].folder),
            catalog.TITLES[name],
        )
    here = Location(name, Path("data") / name, fetch)
    if here.holds_any():
        return here
    return Location(name, user_cache() / name, fetch, is_cache=True)


def user_cache() -> Path:
    """The folder for what can be fetched or made again, in the place of this system."""
    import pooch  # type: ignore[import-untyped]  # it ships no types

    return Path(pooch.os_cache("handstitch"))
