"""Whether the numba backend is available; imports numba only where it is installed."""

from __future__ import annotations

from importlib.util import find_spec

from handstitch.compiled import comparison
from handstitch.machine.libraries import load_openmp


def unavailable_reason() -> str | None:
    """Why the numba backend is unavailable on this machine; None if it is available."""
    if edited := comparison.edited_files():
        files = ", ".join(f"core/{name}" for name in edited)
        return f"{files} was edited, and the numba backend was not compared with it since"
    if find_spec("numba") is None:
        return "numba is not installed (pip install 'handstitch[fast]')"
    try:
        load_openmp()
    except ImportError:
        return "numba finds no OpenMP library (Debian and Ubuntu: apt install libgomp1)"
    try:
        import handstitch.compiled.step  # noqa: F401
    except (ImportError, RuntimeError) as error:  # numba is too old; no folder for its cache
        return f"numba cannot be used: {error}"
    return None
