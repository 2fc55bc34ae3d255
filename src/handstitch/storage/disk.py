"""The calls that change a disk, and the instance that the whole package uses.

Tests put an object in its place whose k-th call fails, writes too little, or dies. A call that a
signal interrupts is repeated by Python itself (PEP 475), so nobody here has to.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

_BINARY: Final = getattr(os, "O_BINARY", 0)
_NO_FOLDER_SYNC: Final = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}


class Files:
    """The calls that change a disk: the system's own, all of which raise OSError."""

    write: Callable[[int, memoryview], int] = staticmethod(os.write)
    """Write a beginning of the bytes; how many they were."""
    fsync: Callable[[int], None] = staticmethod(os.fsync)
    close: Callable[[int], None] = staticmethod(os.close)
    replace: Callable[[Path, Path], None] = staticmethod(os.replace)
    link: Callable[[Path, Path], None] = staticmethod(os.link)
    unlink: Callable[[Path], None] = staticmethod(os.unlink)
    make_folder: Callable[[Path], None] = staticmethod(os.mkdir)
    rename_folder: Callable[[Path, Path], None] = staticmethod(os.rename)
    """Raises where a file or a filled folder has the new name."""
    remove_folder: Callable[[Path], None] = staticmethod(shutil.rmtree)
    """With all that is in it."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor for `path`, not inherited by programs started later."""
        return os.open(path, flags | _BINARY, 0o666)

    def fsync_folder(self, path: Path) -> None:
        """Force the names in a folder to the disk, where the file system can."""
        if sys.platform == "win32":  # folders cannot be opened there
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(descriptor)


files = Files()
