"""How libraries with threads are loaded: with the kernels the processor deserves, and good manners.

Kernels: the wheels carry an OpenBLAS built for a short list of processors. On AMD processors with
AVX-512 it falls back to its AVX2 kernels, half as fast; Intel's with AVX-512 get the wide ones.

Manners: a thread of its pool that has nothing to do keeps asking for work for 2²⁶ cycles before
it sleeps. With other programs on all cores that makes training five to seven times slower, since
the asking thread takes the time that the working one waits for. After 2¹⁹ cycles it is two to four
times, and on a quiet machine as fast as ever: the pauses between two products are shorter.

OpenMP's threads, which the compiled step uses, ask long, too: beside two busy programs an epoch
took 4 to 8 times as long as alone. Where they give up after 2,000 attempts it is mostly 2 to 3
times, and alone they are as fast as before.

A library reads its variables once, when it is loaded. So they are set for that moment only:
programs started later inherit nothing, and whoever sets one himself is obeyed.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

VARIABLE: Final = "OPENBLAS_CORETYPE"
PATIENCE_VARIABLE: Final = "OPENBLAS_THREAD_TIMEOUT"
PATIENCE: Final = "19"
"""Exponent of the cycles that an idle thread keeps asking for work."""
SPINS_VARIABLE: Final = "GOMP_SPINCOUNT"
SPINS: Final = "2000"
"""How often a thread of OpenMP asks for work before it sleeps."""
WIDE: Final = "SkylakeX"
"""OpenBLAS's name for its AVX-512 kernels."""
NEEDED: Final = frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})
"""What these kernels use, by the names of /proc/cpuinfo."""
_CPUINFO: Final = Path("/proc/cpuinfo")


def wanted() -> str | None:
    """The kernels to ask for; None where the library's own choice is right or nobody can tell."""
    if os.environ.get(VARIABLE) or platform.machine() != "x86_64":
        return None
    facts = _processor()
    is_amd = facts.get("vendor_id") == "AuthenticAMD"
    return WIDE if is_amd and NEEDED.issubset(facts.get("flags", "").split()) else None


@contextmanager
def chosen() -> Iterator[None]:
    """Within, a BLAS that is loaded gets what is wanted; the environment is as before after."""
    too_late = "scipy.linalg" in sys.modules
    asked = {} if too_late else {VARIABLE: wanted(), PATIENCE_VARIABLE: PATIENCE}
    with _set(asked):
        yield


@contextmanager
def unhurried() -> Iterator[None]:
    """Within, an OpenMP library that is loaded lets its threads sleep soon."""
    with _set({} if "OMP_WAIT_POLICY" in os.environ else {SPINS_VARIABLE: SPINS}):
        yield


@contextmanager
def _set(asked: Mapping[str, str | None]) -> Iterator[None]:
    """Variables of the environment, those that nobody has set, for a moment."""
    set_here = {name: value for name, value in asked.items() if value and name not in os.environ}
    os.environ.update(set_here)
    try:
        yield
    finally:
        for name in set_here:
            del os.environ[name]


def shortfall(kernel: str) -> str | None:
    """Why the kernel in use is not the one this processor deserves; None if it is."""
    name = wanted()
    if name is None or kernel.lower() == name.lower():
        return None
    return (
        f"{name} would be about twice as fast, but SciPy's BLAS was loaded before it could be "
        "chosen: import handstitch.core.blas first"
    )


def _processor() -> dict[str, str]:
    """The first processor's facts in /proc/cpuinfo; empty where there is no such file."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n", 1)[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
