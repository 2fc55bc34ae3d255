"""Versions, BLAS build and processor: they decide the bits of a run, beside its configuration."""

from __future__ import annotations

import platform
from typing import Any

from handstitch._version import __version__
from handstitch.machine import libraries


def blas_pools() -> list[dict[str, Any]]:
    """threadpoolctl's entry for each BLAS that NumPy and SciPy have loaded."""
    return list(libraries.blas_controller().info())


def version(package: str) -> str:
    """The version of an installed package."""
    from importlib.metadata import version  # only where asked: it takes a quarter of NumPy's time

    return version(package)


def versions() -> dict[str, str]:
    """Versions of Handstitch, NumPy and SciPy, which decide the bits of a run."""
    return {"handstitch": __version__, "numpy": version("numpy"), "scipy": version("scipy")}


def build_info() -> dict[str, str]:
    """Versions, machine and BLAS kernels, which decide the bits of a run."""
    blas = sorted({f"{pool['internal_api']} {pool['architecture']}" for pool in blas_pools()})
    return {**versions(), "machine": platform.machine(), "blas": ", ".join(blas)}


def blas_kernel() -> str:
    """The kernel of SciPy's BLAS, which trains; `unknown` where SciPy brings none of its own."""
    own = (pool["architecture"] for pool in blas_pools() if "scipy.libs" in pool["filepath"])
    return str(next(own, "unknown"))


def processor() -> str:
    """The processor's name, or its architecture where the system gives no name."""
    return libraries.cpuinfo().get("model name") or platform.processor() or platform.machine()
