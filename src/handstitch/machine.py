"""What decides the bits of a run besides its configuration: the BLAS build and its threads."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from handstitch import __version__, kernels


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_threads(wanted: int | str) -> int:
    """Threads for `auto`: one for each core, or fewer where the BLAS was told so from outside
    (OPENBLAS_NUM_THREADS and the like).
    """
    if isinstance(wanted, int):
        return wanted
    return min([cores(), *(int(pool["num_threads"]) for pool in blas_pools())])


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """`count` BLAS threads within, whatever it was before and after."""
    from threadpoolctl import threadpool_limits

    import handstitch.core.blas  # noqa: F401 (a pool can be limited only once it is loaded)

    with threadpool_limits(limits=count, user_api="blas"):
        yield


def blas_pools() -> list[dict[str, Any]]:
    """What threadpoolctl knows of each BLAS that NumPy and SciPy have loaded."""
    from threadpoolctl import threadpool_info

    import handstitch.core.blas  # noqa: F401 (loads SciPy's)

    return [pool for pool in threadpool_info() if pool["user_api"] == "blas"]


def versions() -> dict[str, str]:
    """Versions of the packages that decide the bits, and of Handstitch."""
    return {"handstitch": __version__, "numpy": version("numpy"), "scipy": version("scipy")}


def build() -> dict[str, str]:
    """Everything of this machine and build that decides the bits of a run."""
    blas = sorted({f"{pool['internal_api']} {pool['architecture']}" for pool in blas_pools()})
    return {**versions(), "machine": platform.machine(), "blas": ", ".join(blas)}


def blas_kernel() -> str:
    """The kernel of the BLAS that trains, SciPy's; `unknown` where it has none of its own."""
    own = [pool for pool in blas_pools() if "scipy.libs" in pool["filepath"]]
    return str(own[0]["architecture"]) if own else "unknown"


def processor() -> str:
    """The processor's name, as far as the system tells."""
    name = kernels.processor().get("model name")
    return name or platform.processor() or platform.machine()
