"""The kernels that the processor deserves: OpenBLAS's wide ones, where the wheel would not choose
them.

SciPy's wheels carry an OpenBLAS built for a short list of processors. On AMD processors with
AVX-512 it falls back to its AVX2 kernels, half as fast; Intel's with AVX-512 get the wide ones
already. The library reads OPENBLAS_CORETYPE once, when it is loaded. So the variable is set for
that moment only: programs started later inherit nothing, and whoever sets it himself is obeyed.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

VARIABLE: Final = "OPENBLAS_CORETYPE"
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
    """Within, a BLAS that is loaded gets the wanted kernels; the environment is as before after."""
    before, name = os.environ.get(VARIABLE), wanted()
    if name is None or "scipy.linalg" in sys.modules:  # too late, if it is loaded
        yield
        return
    os.environ[VARIABLE] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


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
