"""Locations of a data set: the folders that are searched for it, in order.

The first location that holds any of its files is the one that is used:

1. `data_dir` (from --data-dir): the folder `<name>` in it, or the folder itself; no other
2. the same for $HANDSTITCH_DATA
3. ./data/<name>
4. <the user's cache>/handstitch/<name>
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handstitch.data import catalog
from handstitch.data.catalog import OfficialFile
from handstitch.errors import printable

VARIABLE: Final = "HANDSTITCH_DATA"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Location:
    """A folder that holds a data set, or into which it may be downloaded."""

    name: str
    folder: Path
    fetch_command: str
    """The command that downloads missing files to here."""
    is_cache: bool = False
    """Whether it is the user's cache, in which missing files may be downloaded."""

    @property
    def fix(self) -> str:
        """What to do about a bad file here."""
        return f"delete it and run: {self.fetch_command}"

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
        files = catalog.files_of(self.name)
        return len(self.missing(files)) < len(files)


def locate(name: str, data_dir: str | Path | None) -> Location:
    """The location of a data set; if no location has any file, the one to download to.

    A $HANDSTITCH_DATA that has none is skipped, with a warning.
    """
    command = "handstitch data fetch" + ("" if name == "fashion-mnist" else f" {name}")
    if data_dir is not None:
        command += f" --data-dir {printable(shlex.quote(str(data_dir)))}"
    # A variable that is set but empty is how a Makefile says "not set".
    named = os.environ.get(VARIABLE) or None if data_dir is None else data_dir
    folders = []
    if named is not None:
        root = Path(os.path.expanduser(named))  # noqa: PTH111  # Path's raises for unknown users
        folders = [Location(name, root / name, command), Location(name, root, command)]
    for location in folders:
        if location.holds_any():
            return location
    if data_dir is not None:
        return folders[0]
    if folders:
        folder, title = printable(folders[1].folder), catalog.TITLES[name]
        _logger.warning("$%s names %s, which holds no %s", VARIABLE, folder, title)
    here = Location(name, Path("data") / name, command)
    if here.holds_any():
        return here
    import pooch  # type: ignore[import-untyped]  # it ships no types

    return Location(name, pooch.os_cache("handstitch") / name, command, is_cache=True)
