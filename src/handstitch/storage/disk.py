"""The calls that change a disk, and the instance that the whole package uses.

Tests put an object in its place whose k-th call fails, writes too little, or dies. A call that a
signal interrupts is repeated by Python itself (PEP 475), so nobody here has to.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path
from typing import Final

_BINARY: Final = getattr(os, "O_BINARY", 0)
_NO_FOLDER_SYNC: Final = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}


class Files:
    """The calls that change a disk: the system's own, all of which raise OSError."""

    write = staticmethod(os.write)
    """Write a beginning of the bytes; how many they were."""
    fsync = staticmethod(os.fsync)
    close = staticmethod(os.close)
    replace = staticmethod(os.replace)
    link = staticmethod(os.link)
    unlink = staticmethod(os.unlink)
    make_folder = staticmethod(os.mkdir)
    rename_folder = staticmethod(os.rename)
    """Raises where a file or a filled folder has the new name."""
    remove_folder = staticmethod(shutil.rmtree)
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
