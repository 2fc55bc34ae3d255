"""SQLite databases that somebody else may have made: checked before SQLite opens them.

SQLite finishes what a journal beside a database says was interrupted. A journal may name another
file, anywhere, which SQLite then removes; and a trigger or view runs whatever its author wrote.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from handstitch.errors import MachineError
from handstitch.storage.os_errors import translate_os_errors
from handstitch.storage.reading import inside, open_file

_JOURNAL: Final = "-journal"
_NAMES_A_FILE: Final = bytes.fromhex("d9d505f920a163d7")
"""The last bytes of a journal that names another file (sqlite.org/fileformat.html, section 3)."""
_PLAIN: Final = ("CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ")


def database(folder: str | Path, name: str) -> Path:
    """The path folder/name of a database; it and the files beside it are no links, and regular.

    Raises MachineError otherwise, and where its journal names another file.
    """
    file = inside(folder, name)
    for suffix in ("", _JOURNAL, "-wal", "-shm"):
        path = inside(folder, name + suffix)
        with translate_os_errors(path), suppress(FileNotFoundError), open_file(path) as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - len(_NAMES_A_FILE)))
            if suffix == _JOURNAL and stream.read() == _NAMES_A_FILE:
                raise MachineError(
                    "this journal of a database names another file",
                    file=path,
                    found="a file that SQLite would remove",
                    wanted="a journal of this database alone",
                    fix=f"move it and {name} away: the study is written anew from the trials",
                )
    return file


def require_plain(file: Path) -> None:
    """Raise ValueError if a database has a trigger, view or virtual table; OSError and
    sqlite3.Error where it cannot be read. One that does not exist has none.
    """
    if not file.exists():
        return
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as connection:
        for name, text in connection.execute("SELECT name, sql FROM sqlite_master"):
            # The index of a constraint has no text.
            if text is not None and not str(text).startswith(_PLAIN):
                raise ValueError(f"{name} is no table and no index of one")
