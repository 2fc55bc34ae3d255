"""Measurements kept as soon as they are made, so that what is stopped goes on where it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Session:
    """A file with a line for each measurement; the first says what they are measurements of.

    Those of something else, as of other sources or versions, are dropped: only figures taken in
    one run compare.
    """

    def __init__(self, path: Path, of: str) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        # A line that a stop cut short has no end.
        kept = [json.loads(line) for line in lines[:-1]]
        if not kept or kept[0] != of:
            kept = [of]
        path.write_text("".join(f"{json.dumps(each)}\n" for each in kept), encoding="utf-8")
        self.made: dict[tuple[str, ...], Any] = {tuple(key): value for key, value in kept[1:]}

    def once(self, *key: object, work: Callable[[], Any]) -> Any:
        """What `work` returns; or returned, where it was done before the stop."""
        words = tuple(map(str, key))
        if words not in self.made:
            self.made[words] = work()
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([words, self.made[words]]) + "\n")
        return self.made[words]

    def finish(self) -> None:
        """All is done: the next run measures anew."""
        self._path.unlink()
