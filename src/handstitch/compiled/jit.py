"""How everything here is compiled, and until when what comes of it is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from numba import njit

from handstitch.machine.libraries import load_openmp

load_openmp()  # before numba starts threads

# Loops that say so, and nothing else.
PARALLEL: Final = {"prange": True} | dict.fromkeys(
    ("comprehension", "fusion", "inplace_binop", "numpy", "reduction", "setitem", "stencil"), False
)
# a·b + c may be one instruction. Never for a·b + c·d, of which either may be fused: code that was
# just compiled and code from disk have differed in that, and a run in its bits.
FUSED: Final = {"contract"}


def _digest() -> str:
    """Of every source file here."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


_SOURCES: Final = _digest()


def compiled(**how: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator as numba's njit; machine code is kept on disk until a file here changes.

    numba itself looks at the file alone in which a function stands, and would go on with what other
    files were when it was compiled.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        made = njit(cache=True, nogil=True, error_model="numpy", **how)(function)
        made._cache._cache_file._source_stamp = _SOURCES  # noqa: SLF001 (there is no other way)
        return made

    return decorate
