"""numba options, and a cache that is invalidated when any source file changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numba
from numba import njit

from handstitch.machine.libraries import load_openmp

load_openmp()  # before numba starts threads

# Only loops written as prange are parallel.
PARALLEL: Final = {"prange": True} | dict.fromkeys(
    ("comprehension", "fusion", "inplace_binop", "numpy", "reduction", "setitem", "stencil"), False
)
# a·b + c may be one instruction. Never for a·b + c·d, where either product may be the fused one:
# fresh code and cached code have differed in that, and with them the bits of a run.
FUSED: Final = {"contract"}


def _digest() -> str:
    """SHA-256 of every source file of `compiled`, and of `core`, whose constants it compiles in."""
    package = Path(__file__).parent.parent
    sources = sorted([*package.glob("compiled/*.py"), *package.glob("core/*.py")])
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


_SOURCES: Final = _digest()


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """numba's njit with a cache on disk that any change to these sources invalidates.

    numba itself checks only the file of the function, and would keep code that was inlined from
    other files since changed.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(cache=True, nogil=True, error_model="numpy", **options)(function)
        file = dispatcher._cache._cache_file  # noqa: SLF001 (the only way)
        file._source_stamp = _SOURCES  # noqa: SLF001
        # An index of another version is not unpickled: it may name a class that is gone.
        file._version = f"{numba.__version__} {_SOURCES}"  # noqa: SLF001
        return dispatcher

    return decorate
