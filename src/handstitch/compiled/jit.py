"""numba options, and its cache: of these sources and this code generation, and no damaged code."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import llvmlite
import numba
from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys

from handstitch.machine.libraries import load_openmp

_logger = logging.getLogger(__name__)

if numba.config.DISABLE_JIT:
    raise ImportError("NUMBA_DISABLE_JIT is set")
load_openmp()  # before numba starts threads

_TRIPLE, _PROCESSOR, FEATURES = cpu_target.target_context.codegen().magic_tuple()
"""What numba generates code for, and keys its cache by. It need not be this very processor."""

# Only loops written as prange are parallel.
PARALLEL: Final = {"prange": True} | dict.fromkeys(
    ("comprehension", "fusion", "inplace_binop", "numpy", "reduction", "setitem", "stencil"), False
)
# a·b + c may be one instruction. Never for a·b + c·d, where either product may be the fused one:
# fresh code and cached code have differed in that, and with them the bits of a run.
FUSED: Final = {"contract"}


_REFRESH_ONLY_TO_COMPILE: Final = (0, 68)
"""The last numba known to load cached code without all that it knows to compile, which takes
0.2 s: what the code itself calls is there from the start. The compiler loads it, if it is needed.
"""
_PIXELS: Final = Path("data", "augmentation.py")
# What numba leaves out of the key of its cache.
_OPTIONS: Final = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "USING_SVML")


def _digest() -> str:
    """SHA-256 of the options of code generation and of every source file of `compiled` and `core`,
    and of the augmentation's: what is compiled, with the constants in it.
    """
    package = Path(__file__).parent.parent
    sources = sorted(
        [*package.glob("compiled/*.py"), *package.glob("core/*.py"), package / _PIXELS]
    )
    options = [llvmlite.__version__, *(getattr(numba.config, name) for name in _OPTIONS)]
    texts = [str(options).encode(), *(source.read_bytes() for source in sources)]
    return hashlib.sha256(b"".join(texts)).hexdigest()


_SOURCES: Final = _digest()


class _CacheFile(IndexDataCacheFile):  # type: ignore[misc]
    """numba's two files of a function; machine code with its SHA-256, as damaged code crashes."""

    def load(self, key: Any) -> Any:
        """As numba's. Raises ValueError for damaged code, or what unpickling raises."""
        saved = super().load(key)
        if saved is None:
            return None
        code, digest = saved
        if _digest_of(code) != digest:
            raise ValueError("damaged")
        return code

    def save(self, key: Any, code: Any) -> None:
        super().save(key, (code, _digest_of(code)))

    def _load_index(self) -> Any:
        try:
            return super()._load_index()
        except Exception:  # noqa: BLE001 (unpickling raises anything)
            _report(self._cache_path, "cannot be read")
            return {}


def _digest_of(code: Any) -> str:
    """SHA-256 of a compiled function's machine code and LLVM code, as numba saves them."""
    (_, _, parts), *_ = code
    return hashlib.sha256(b"".join(parts)).hexdigest()


class _Cache(FunctionCache):  # type: ignore[misc]
    """numba's cache; what cannot be read is compiled anew, what cannot be written is not kept.

    numba itself checks only the file of the function, and would keep code that was inlined from
    other files since changed.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _CacheFile(self._cache_path, self._impl.filename_base, _SOURCES)
        # An index of another version is not unpickled: it may name a class that is gone.
        self._cache_file._version = f"{numba.__version__} {_SOURCES}"  # noqa: SLF001 (no other way)

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            if numba.version_info.short <= _REFRESH_ONLY_TO_COMPILE:
                rtsys.initialize(context)
                with self._guard_against_spurious_io_errors():
                    found = self._load_overload(signature, context)
            else:
                found = super().load_overload(signature, context)
        except Exception:  # noqa: BLE001 (unpickling raises anything)
            _report(self._cache_path, "cannot be read")
            found = None
        if found is None:
            _say_compiling()
        return found

    def save_overload(self, signature: Any, result: Any) -> None:
        try:
            super().save_overload(signature, result)
        except OSError as error:
            _report(self._cache_path, f"cannot be written ({error.strerror})")


@cache
def _report(folder: str, problem: str) -> None:
    """Log a problem of the cache, once."""
    _logger.warning("the cache of compiled code in %s %s: compiled anew", folder, problem)


@cache
def _say_compiling() -> None:
    """Log once that numba compiles: until it is done, no signal is answered."""
    _logger.info("compiling the numba backend: up to a minute, the first time")


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """numba's njit with a cache on disk that any change to these sources invalidates."""

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, error_model="numpy", **options)(function)
        try:
            dispatcher._cache = _Cache(function)  # noqa: SLF001 (no other way)
        except RuntimeError:  # numba finds no folder
            _report("any folder", "cannot be written")
        return dispatcher

    return decorate
