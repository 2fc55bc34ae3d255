"""Versions, BLAS build and processor: what decides the bits of a run besides its configuration."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

from handstitch._version import __version__
from handstitch.machine import libraries


def blas_pools() -> list[dict[str, Any]]:
    """What threadpoolctl knows of each BLAS that NumPy and SciPy have loaded."""
    from threadpoolctl import threadpool_info

    libraries.load_blas()
    return [pool for pool in threadpool_info() if pool["user_api"] == "blas"]


def versions() -> dict[str, str]:
    """Versions of the packages that decide the bits, and of Handstitch."""
    return {"handstitch": __version__, "numpy": version("numpy"), "scipy": version("scipy")}


def build_info() -> dict[str, str]:
    """Everything of this machine and build that decides the bits of a run."""
    blas = sorted({f"{pool['internal_api']} {pool['architecture']}" for pool in blas_pools()})
    return {**versions(), "machine": platform.machine(), "blas": ", ".join(blas)}


def blas_kernel() -> str:
    """The kernel of the BLAS that trains, SciPy's; `unknown` where it has none of its own."""
    own = [pool for pool in blas_pools() if "scipy.libs" in pool["filepath"]]
    return str(own[0]["architecture"]) if own else "unknown"


def processor() -> str:
    """The processor's name, as far as the system tells."""
    name = libraries.processor().get("model name")
    return name or platform.processor() or platform.machine()
