"""Cache of decoded pictures: arrays in the user's cache folder, mapped into memory when used.

    <the user's cache>/handstitch/decoded/<key>-<SHA-256 of shape and pixels>.npy

All files together have at most BOUND bytes; those that were not used for longest leave. A cache
that is damaged, or that cannot be read or written, costs time and a line, never a result.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.data.locations import user_cache
from handstitch.errors import MachineError, printable
from handstitch.storage.atomic import remove_quietly

BOUND: Final = 10 * 2**30
"""The most bytes of all arrays in the cache."""
_HEAD: Final = 128
"""Bytes of a .npy file's header."""

_logger = logging.getLogger(__name__)


def cached(key: str, decode: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """What `decode()` gave when it was last called with this key, else what it gives now."""
    folder = user_cache() / "decoded"
    found = _find(folder, key)
    return _keep(folder, key, decode()) if found is None else found


def _find(folder: Path, key: str) -> NDArray[np.uint8] | None:
    for path in folder.glob(f"{key}-*.npy"):
        with suppress(OSError, ValueError):
            array = _map(path)
            if path.name == _name(key, array):
                with suppress(OSError):  # of a folder that may only be read
                    os.utime(path)
                return array
        _logger.warning("%s is damaged: the pictures are decoded again", printable(path))
        remove_quietly(path)
    return None


def _keep(folder: Path, key: str, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The images, written to the cache and mapped; the same in memory where that fails."""
    if images.nbytes > BOUND:
        return images
    path = folder / _name(key, images)
    try:
        storage.remove_stale(folder)
        storage.write(path, [_header(images.shape), images.data], durable=False)
        mapped = _map(path)
    except (MachineError, OSError, ValueError) as error:
        _logger.warning(
            "decoded pictures are not kept for the next time: %s",
            printable(f"{error.problem} ({error.file})")
            if isinstance(error, MachineError)
            else printable(error),
        )
        return images
    _evict(folder, path)
    return mapped


def _map(path: Path) -> NDArray[np.uint8]:
    """The array in a file of the cache. Raises OSError, ValueError for another kind of file."""
    with storage.open_file(path) as file:
        head = file.read(_HEAD)
        shape = tuple(map(int, re.findall(rb"[0-9]+", head[head.find(b"(") :])))
        if head != _header(shape):  # NumPy's parser lets a damaged one raise anything
            raise ValueError("another header")
        return storage.map_array(file, np.uint8, shape, _HEAD)


def _header(shape: tuple[int, ...]) -> bytes:
    """The header of a .npy file of uint8."""
    header = BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return header.getvalue()


def _name(key: str, array: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(f"{array.dtype} {array.shape}".encode())
    digest.update(array.data)
    return f"{key}-{digest.hexdigest()[:32]}.npy"


def _evict(folder: Path, newest: Path) -> None:
    """Remove the files that were not used for longest, until the rest is within BOUND."""
    facts = []
    for path in folder.glob("*.npy"):
        with suppress(OSError):
            facts.append((path == newest, path.stat().st_mtime_ns, path.stat().st_size, path))
    total = 0
    for _, _, size, path in sorted(facts, reverse=True):
        total += size
        if total > BOUND:
            remove_quietly(path)
