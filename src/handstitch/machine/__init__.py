"""The machine: BLAS and OpenMP libraries, build, threads, processor and memory."""

from handstitch.machine.build import blas_kernel, blas_pools, build_info, processor, versions
from handstitch.machine.threads import blas_threads, cores, resolve_threads

__all__ = [
    "blas_kernel",
    "blas_pools",
    "blas_threads",
    "build_info",
    "cores",
    "processor",
    "resolve_threads",
    "versions",
]
