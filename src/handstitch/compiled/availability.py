"""Whether the numba backend can run here: it is run, once. Imports numba only where installed."""

from __future__ import annotations

import warnings
from functools import cache
from importlib.util import find_spec

from handstitch.compiled import comparison
from handstitch.machine.libraries import load_openmp


def unavailable_reason() -> str | None:
    """Why the numba backend is unavailable on this machine; None if it is available."""
    if edited := comparison.edited_files():
        files = ", ".join(f"core/{name}" for name in edited)
        return f"{files} was edited, and the numba backend was not compared with it since"
    return _reason()


@cache
def _reason() -> str | None:
    """Why numba cannot train one batch here; None if it can."""
    if find_spec("numba") is None:
        return "numba is not installed (pip install 'handstitch[fast]')"
    try:
        with warnings.catch_warnings():  # of a variable that numba cannot read
            warnings.filterwarnings("error", "Environment variable", RuntimeWarning)
            import numba  # noqa: F401
        try:
            load_openmp()
        except ImportError:
            return "numba finds no OpenMP library (Debian and Ubuntu: apt install libgomp1)"
        from handstitch.compiled.first_batch import train

        train()
    except Exception as error:  # noqa: BLE001 (variables of numba break it in many ways)
        lines = str(error).splitlines() or [type(error).__name__]
        return f"numba cannot be used: {lines[0]}"
    return None


def bfloat16_unit() -> str | None:
    """The unit that multiplies bfloat16 numbers and adds in float32; None where there is none.

    Where numba is told to make code for another processor, that one's.
    """
    if unavailable_reason() is not None:
        return None
    from handstitch.compiled import tiles
    from handstitch.compiled.jit import FEATURES

    if tiles.are_allowed():
        return "AMX"
    return "AVX512-BF16" if "+avx512bf16" in FEATURES.split(",") else None
