"""System calls that change a disk, as one object that tests can replace.

In tests its k-th call fails, writes too little, or kills the process. A call that a signal
interrupts is repeated by Python itself (PEP 475).
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
    """The system calls that change a disk. Each raises OSError."""

    write: Callable[[int, memoryview], int] = staticmethod(os.write)
    """Write some of the bytes, from the first on; their number."""
    fsync: Callable[[int], None] = staticmethod(os.fsync)
    close: Callable[[int], None] = staticmethod(os.close)
    replace: Callable[[Path, Path], None] = staticmethod(os.replace)
    link: Callable[[Path, Path], None] = staticmethod(os.link)
    unlink: Callable[[Path], None] = staticmethod(os.unlink)
    make_folder: Callable[[Path], None] = staticmethod(os.mkdir)
    rename_folder: Callable[[Path, Path], None] = staticmethod(os.rename)
    """Raises if the new name is a file or a folder that is not empty."""
    remove_folder: Callable[[Path], None] = staticmethod(shutil.rmtree)
    """With its contents."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor for `path`, not inherited by programs started later."""
        return os.open(path, flags | _BINARY, 0o666)

    def fsync_folder(self, path: Path) -> None:
        """Flush a folder's entries to the disk, where the file system supports it."""
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
