"""`handstitch` with less data and more saves, and a death that can be put into the middle of one.

CAMPAIGN_IMAGES says how many images `sketch` draws for training, CAMPAIGN_SAVE_EVERY how many
seconds may pass without a save, and CAMPAIGN_DIE_AT at which operation on files the process
kills itself: 0 for never.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from handstitch import cli, runs
from handstitch.data import loading
from handstitch.storage import disk


class DeadlyFiles(disk.Files):
    """The file layer, with SIGKILL just before or just after the chosen operation."""

    def __init__(self, fatal: int) -> None:
        self._fatal = fatal
        self._count = 0

    def __getattribute__(self, name: str) -> Any:
        attribute = super().__getattribute__(name)
        if name.startswith("_") or not callable(attribute):
            return attribute

        def operation(*arguments: Any, **options: Any) -> Any:
            self._count += 1
            if self._count == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            result = attribute(*arguments, **options)
            if self._count == -self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return operation


def main() -> None:
    images = int(os.environ["CAMPAIGN_IMAGES"])
    loading._SKETCH = {"train": (images, 2017), "test": (1000, 2018)}  # type: ignore[misc]
    runs.SAVE_EVERY = float(os.environ["CAMPAIGN_SAVE_EVERY"])  # type: ignore[misc]
    disk.files = DeadlyFiles(int(os.environ["CAMPAIGN_DIE_AT"]))
    cli.main()


if __name__ == "__main__":
    main()
