"""Where on this machine a data set may be: which folders are looked in, and in what order.

The first place that holds any of the files is the one that counts:

1. `data_dir` (from --data-dir): the folder `<name>` in it, or the folder itself; no other place
2. the same for $HANDSTITCH_DATA
3. ./data/<name>
4. <the user's cache>/handstitch/<name>
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handstitch.data import catalog
from handstitch.data.catalog import OfficialFile
from handstitch.errors import printable

VARIABLE: Final = "HANDSTITCH_DATA"

Notify = Callable[[str], None]
"""Takes one line that a person should see, and that stops nothing."""


def ignore(line: str) -> None:
    """A Notify that says nothing."""


@dataclass(frozen=True, slots=True)
class Location:
    """A folder in which a data set is, or into which it may be fetched."""

    name: str
    folder: Path
    fetch_command: str
    """What a person types to bring missing files here."""
    is_cache: bool = False
    """Filled by this program alone; where files are missing, it may complete them."""

    @property
    def fix(self) -> str:
        """What to do about a bad file here."""
        return f"delete it and run: {self.fetch_command}"

    def path_of(self, file: OfficialFile) -> Path:
        """Where `file` is, or would be: the compressed one if both forms are there."""
        packed = self.folder / file.name
        plain = packed.with_suffix("")
        return plain if os.path.lexists(plain) and not os.path.lexists(packed) else packed

    def missing(self, files: Sequence[OfficialFile]) -> list[OfficialFile]:
        """Those of `files` that are not here in either form."""
        # A link that leads nowhere counts as there: it is broken, not absent.
        return [file for file in files if not os.path.lexists(self.path_of(file))]

    def holds_any(self) -> bool:
        """Whether at least one file of the data set is here."""
        files = catalog.files_of(self.name)
        return len(self.missing(files)) < len(files)


def locate(name: str, data_dir: str | Path | None, notify: Notify = ignore) -> Location:
    """The place that counts; where no place holds any file, the one to bring them to.

    `notify` hears of a $HANDSTITCH_DATA that holds none and is passed over.
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
        folder = printable(folders[1].folder)
        notify(f"${VARIABLE} names {folder}, which holds no {catalog.TITLES[name]}")
    here = Location(name, Path("data") / name, command)
    if here.holds_any():
        return here
    import pooch  # type: ignore[import-untyped]  # it ships no types

    return Location(name, pooch.os_cache("handstitch") / name, command, is_cache=True)
