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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handstitch.data import official
from handstitch.data.idx import Notify
from handstitch.data.official import OfficialFile
from handstitch.errors import printable

VARIABLE: Final = "HANDSTITCH_DATA"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder in which a data set is, or into which it may be fetched."""

    name: str
    """The data set."""
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
        packed, plain = self.folder / file.name, self.folder / file.plain_name
        return plain if os.path.lexists(plain) and not os.path.lexists(packed) else packed

    def missing(self, files: Sequence[OfficialFile]) -> list[OfficialFile]:
        """Those of `files` that are not here in either form."""
        # A link that leads nowhere counts as there: it is broken, not absent.
        return [file for file in files if not os.path.lexists(self.path_of(file))]

    def holds_any(self) -> bool:
        """Whether at least one file of the data set is here."""
        files = official.files_of(self.name)
        return len(self.missing(files)) < len(files)


def given(name: str, data_dir: str | Path) -> list[Place]:
    """The two places that an explicit folder stands for."""
    root = _folder(data_dir)
    command = f"{_command(name)} --data-dir {printable(shlex.quote(str(data_dir)))}"
    return [Place(name, root / name, command), Place(name, root, command)]


def cache(name: str) -> Place:
    """The place in the user's cache."""
    import pooch  # type: ignore[import-untyped]  # it ships no types

    return Place(name, pooch.os_cache("handstitch") / name, _command(name), is_cache=True)


def first_with_files(name: str, data_dir: str | Path | None, notify: Notify) -> Place | None:
    """The place that counts, or None if no place holds any file of the data set.

    `notify` hears of a $HANDSTITCH_DATA that holds none and is passed over.
    """
    if data_dir is not None:
        return next((place for place in given(name, data_dir) if place.holds_any()), None)
    for place in _customary(name):
        if place.holds_any():
            return place
        # The second of its two places; the search goes on, but not in silence.
        root = os.environ.get(VARIABLE)
        if root and place.folder == _folder(root):
            notify(f"${VARIABLE} names {printable(root)}, which holds no {official.TITLES[name]}")
    return None


def _customary(name: str) -> Iterator[Place]:
    root = os.environ.get(VARIABLE)
    if root:  # set but empty is how a Makefile says "not set"
        folder = _folder(root)
        yield Place(name, folder / name, _command(name))
        yield Place(name, folder, _command(name))
    yield Place(name, Path("data") / name, _command(name))
    yield cache(name)


def _command(name: str) -> str:
    return "handstitch data fetch" + ("" if name == "fashion-mnist" else f" {name}")


def _folder(text: str | Path) -> Path:
    """A folder as a person wrote it, with ~ where the shell left it."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody of that name: then it is a folder's name
        return Path(text)
