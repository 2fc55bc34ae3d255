"""Cache of arrays that were decoded, or put in another order: files, mapped into memory when used.

    <the user's cache>/handstitch/decoded/<key>-<SHA-256 of shape and content>.npy

All files together have at most BOUND bytes; those that were not used for longest leave. A cache
that is damaged, or that cannot be read or written, costs time and a line, never a result.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.arrays import Indices
from handstitch.data.locations import user_cache
from handstitch.errors import MachineError, printable
from handstitch.machine import memory
from handstitch.storage.atomic import remove_quietly

BOUND: Final = 10 * 2**30
"""The most bytes of all arrays in the cache."""
LARGE: Final = 2**28
"""Bytes of a mapped array from which on its rows are mapped, too, and not copied into memory."""
_HEAD: Final = 128
"""Bytes of a .npy file's header."""
_KINDS: Final = (np.uint8, np.float32)

_logger = logging.getLogger(__name__)


def cached(key: str, decode: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """What `decode()` gave when it was last called with this key, else what it gives now."""
    found = _find(key)
    if found is None:
        images = decode()
        found = _keep(key, images.shape, images.dtype, [images])
        return images if found is None else found
    return found


def take(images: NDArray[Any], rows: Indices, digest: str) -> NDArray[Any]:
    """images[rows], for ascending rows; `digest` identifies the images.

    Rows of a large array that is mapped become a file of the cache, since memory may not hold
    them. Raises MachineError where it has to and does not.
    """
    shape = (len(rows), *images.shape[1:])
    if isinstance(images, np.memmap) and images.nbytes > LARGE:
        key = hashlib.sha256(digest.encode() + rows.tobytes()).hexdigest()[:32]
        found = _find(key)
        if found is None:
            runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
            pieces = [images[run[0] : run[-1] + 1] for run in runs]  # views: they take no memory
            found = _keep(key, shape, images.dtype, pieces)
        if found is not None:
            return found
    memory.require(
        len(rows) * images[0].nbytes,
        "the training and the test part",
        "put the test samples into a file or folder of their own, as the test part: then the data "
        "are used where they are",
    )
    return images[rows]


def _find(key: str) -> NDArray[Any] | None:
    for path in (user_cache() / "decoded").glob(f"{key}-*.npy"):
        with suppress(OSError, ValueError):
            array = _map(path)
            if path.name == _name(key, array.shape, array.dtype, [array]):
                with suppress(OSError):  # of a folder that may only be read
                    os.utime(path)
                return array
        _logger.warning("%s is damaged: it is made again", printable(path))
        remove_quietly(path)
    return None


def _keep(
    key: str, shape: tuple[int, ...], kind: np.dtype[Any], pieces: Sequence[NDArray[Any]]
) -> NDArray[Any] | None:
    """The array of these pieces, written to the cache and mapped; None where that fails."""
    if sum(piece.nbytes for piece in pieces) > BOUND:
        return None
    folder = user_cache() / "decoded"
    path = folder / _name(key, shape, kind, pieces)
    try:
        storage.remove_stale(folder)
        storage.write(
            path, [_header(shape, kind), *(piece.data for piece in pieces)], durable=False
        )
        mapped = _map(path)
    except (MachineError, OSError, ValueError) as error:
        _logger.warning(
            "the cache cannot be written, the next time takes as long: %s",
            printable(f"{error.problem} ({error.file})")
            if isinstance(error, MachineError)
            else printable(error),
        )
        return None
    _evict(folder, path)
    return mapped


def _map(path: Path) -> NDArray[Any]:
    """The array in a file of the cache. Raises OSError, ValueError for another kind of file."""
    with storage.open_file(path) as file:
        head = file.read(_HEAD)
        shape = tuple(map(int, re.findall(rb"[0-9]+", head[head.find(b"(") :])))
        for kind in map(np.dtype, _KINDS):  # NumPy's parser lets a damaged header raise anything
            if head == _header(shape, kind):
                return storage.map_array(file, kind, shape, _HEAD)
        raise ValueError("another header")


def _header(shape: tuple[int, ...], kind: np.dtype[Any]) -> bytes:
    """The header of a .npy file."""
    header = BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": kind.str, "fortran_order": False, "shape": shape}
    )
    return header.getvalue()


def _name(
    key: str, shape: tuple[int, ...], kind: np.dtype[Any], pieces: Sequence[NDArray[Any]]
) -> str:
    digest = hashlib.sha256(f"{kind} {shape}".encode())
    for piece in pieces:
        digest.update(piece.data)
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
