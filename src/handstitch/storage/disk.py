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
    """The calls that change a disk, one method each. All raise OSError."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor for `path`, not inherited by programs started later."""
        return os.open(path, flags | _BINARY, 0o666)

    def write(self, descriptor: int, piece: memoryview) -> int:
        """Write a beginning of `piece`; how many bytes it was."""
        return os.write(descriptor, piece)

    def fsync(self, descriptor: int) -> None:
        """Force a file's content to the disk."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Give a descriptor back."""
        os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Give the file `source` the name `target`, whoever had it before."""
        os.replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        """Give the file `source` the further name `target`."""
        os.link(source, target)

    def unlink(self, path: Path) -> None:
        """Take a file's name away."""
        os.unlink(path)

    def make_folder(self, path: Path) -> None:
        """Make one folder."""
        os.mkdir(path)

    def rename_folder(self, source: Path, target: Path) -> None:
        """Give the folder `source` the name `target`, unless a file or a filled folder has it."""
        os.rename(source, target)

    def remove_folder(self, path: Path) -> None:
        """Remove a folder with all that is in it."""
        shutil.rmtree(path)

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
