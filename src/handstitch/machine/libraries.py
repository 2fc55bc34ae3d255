"""Load OpenBLAS and OpenMP with AVX-512 kernels and a short busy-wait.

Kernels: the wheels carry an OpenBLAS built for a short list of processors. On AMD processors with
AVX-512 it falls back to its AVX2 kernels, half as fast; Intel's with AVX-512 get the wide ones.

Busy-wait: an idle pool thread of OpenBLAS busy-waits for 2²⁶ cycles before it sleeps. With other
programs on all cores that makes training five to seven times slower, since it takes the time that
the working thread needs. With 2¹⁹ cycles it is two to four times, and on a quiet machine as fast as
ever: the pauses between two products are shorter.

OpenMP's threads, which the numba backend uses, busy-wait, too: beside two busy programs an epoch
took 4 to 8 times as long as alone. When they sleep after 2,000 attempts it is mostly 2 to 3 times,
and alone they are as fast as before.

A library reads its variables once, when it is loaded. So they are set for that moment only:
programs started later do not inherit them, and a variable that the user has set is obeyed.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

CORETYPE_VARIABLE: Final = "OPENBLAS_CORETYPE"
BLAS_TIMEOUT_VARIABLE: Final = "OPENBLAS_THREAD_TIMEOUT"
BLAS_TIMEOUT: Final = "19"
"""Exponent of the cycles that an idle thread busy-waits."""
OPENMP_SPIN_VARIABLE: Final = "GOMP_SPINCOUNT"
OPENMP_SPINS: Final = "2000"
"""Attempts of an idle OpenMP thread before it sleeps."""
AVX512_KERNEL: Final = "SkylakeX"
"""OpenBLAS's name for its AVX-512 kernels."""
AVX512_FLAGS: Final = frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})
"""Processor features that these kernels use, as /proc/cpuinfo names them."""
_CPUINFO: Final = Path("/proc/cpuinfo")
_FBLAS: Final = "scipy.linalg._fblas"
"""SciPy's BLAS for Python; whatever needs all of scipy.linalg loads it."""


def preferred_kernel() -> str | None:
    """The kernels to ask OpenBLAS for; None where its own choice is right or unknown."""
    if os.environ.get(CORETYPE_VARIABLE) or platform.machine() != "x86_64":
        return None
    info = cpuinfo()
    has_avx512 = AVX512_FLAGS.issubset(info.get("flags", "").split())
    return AVX512_KERNEL if info.get("vendor_id") == "AuthenticAMD" and has_avx512 else None


def blas_environment() -> AbstractContextManager[None]:
    """Within, a BLAS that is loaded gets the preferred kernels and a short busy-wait."""
    return _temporary_environment(
        {}
        if _FBLAS in sys.modules
        else {CORETYPE_VARIABLE: preferred_kernel(), BLAS_TIMEOUT_VARIABLE: BLAS_TIMEOUT}
    )


def openmp_environment() -> AbstractContextManager[None]:
    """Within, an OpenMP library that is loaded gets a short busy-wait."""
    return _temporary_environment(
        {} if "OMP_WAIT_POLICY" in os.environ else {OPENMP_SPIN_VARIABLE: OPENMP_SPINS}
    )


def load_blas() -> Any:
    """SciPy's BLAS, loaded with the preferred kernels and a short busy-wait.

    Without the rest of `scipy.linalg`, which takes three times as long as NumPy.
    """
    if _FBLAS in sys.modules:
        return sys.modules[_FBLAS]
    with blas_environment():
        scipy = None if sys.platform == "win32" else find_spec("scipy")  # no DLL is found alone
        places = (scipy and scipy.submodule_search_locations) or ()
        spec = PathFinder.find_spec(_FBLAS, [str(Path(place, "linalg")) for place in places])
        if spec is None or spec.loader is None:
            from scipy.linalg import blas

            return blas
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return sys.modules.setdefault(_FBLAS, module)


@cache
def blas_controller() -> ThreadpoolController:
    """The thread pools of NumPy's and SciPy's BLAS; looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    load_blas()  # a pool is found only once it is loaded
    return ThreadpoolController().select(user_api="blas")


def load_openmp() -> None:
    """Load numba's OpenMP threads, with a short busy-wait. Raises ImportError without them."""
    with openmp_environment():
        import numba.np.ufunc.omppool  # noqa: F401


@contextmanager
def _temporary_environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Within, these environment variables are set, except those that the user has set."""
    set_here = {
        name: value for name, value in variables.items() if value and name not in os.environ
    }
    os.environ.update(set_here)
    try:
        yield
    finally:
        for name in set_here:
            del os.environ[name]


def kernel_warning(kernel: str) -> str | None:
    """A warning if the BLAS was loaded without the preferred kernels; None otherwise."""
    name = preferred_kernel()
    if name is None or kernel.lower() == name.lower():
        return None
    return (
        f"{name} would be about twice as fast, but SciPy's BLAS was loaded before it could be "
        "chosen: import handstitch.core.blas first"
    )


def cpuinfo() -> dict[str, str]:
    """The first processor's entry in /proc/cpuinfo; empty where there is no such file."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n", 1)[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
