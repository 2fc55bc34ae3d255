"""Lock of a folder: one process at a time may work in it."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from handstitch.errors import MachineError
from handstitch.storage import disk
from handstitch.storage.os_errors import translate_os_errors
from handstitch.storage.reading import inside, read_file

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_FILE: Final = ".lock"
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_LONGEST_NOTE: Final = 200
_LOCK_TAKEN: Final = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


@contextmanager
def lock_folder(folder: str | Path, patience: float = 0.0) -> Iterator[None]:
    """Exclusive access to a folder for one process, within the block.

    The kernel holds the lock and releases it when the process ends, however it ends. `patience` is
    how many seconds to wait for another process. Raises MachineError, which names the holder. The
    small file `.lock` stays behind and means nothing.
    """
    path = inside(folder, LOCK_FILE)
    until = monotonic() + patience
    with translate_os_errors(path):
        descriptor = disk.files.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK)
    try:
        facts = os.fstat(descriptor)
        with translate_os_errors(path):
            if not stat.S_ISREG(facts.st_mode):
                raise OSError(errno.EISDIR, "not a file")
            while not _try_lock(descriptor):
                if monotonic() >= until:
                    raise MachineError(
                        "another process is working in this folder",
                        file=folder,
                        found=_holder(path),
                        wanted="one process at a time",
                        fix="wait for it or stop it, or use another folder",
                    )
                sleep(0.02)
        # A second name of some other file must not cost its content.
        if facts.st_nlink == 1 and facts.st_size <= _LONGEST_NOTE:
            with suppress(OSError):  # only the message above would miss it
                now = datetime.now().astimezone().isoformat(" ", "seconds")
                os.truncate(descriptor, 0)
                note = f"process {os.getpid()}, since {now}\n".encode()
                disk.files.write(descriptor, memoryview(note))
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    def _lock(descriptor: int) -> None:
        # A byte far behind the text: nobody else can read locked bytes there.
        os.lseek(descriptor, 2**30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _try_lock(descriptor: int) -> bool:
    """Lock the file, unless another process has."""
    try:
        _lock(descriptor)
    except OSError as error:
        if error.errno not in _LOCK_TAKEN:
            raise
        return False
    return True


def _holder(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return read_file(path, _LONGEST_NOTE).decode().strip() or "a process that started just now"
    return "an unknown process"
