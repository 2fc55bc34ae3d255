"""C ← α A B + β C: the one primitive of the book, and the seam to other devices.

NumPy and SciPy each bring a BLAS with a pool of threads of its own; two spinning pools get in
each other's way, so every product of the training loop goes through SciPy's. SciPy's wrapper
works in place only for arrays in column order. Otherwise it fails silently or with an obscure
message, hence the guards below.
"""

from __future__ import annotations

from handstitch.arrays import Matrix
from handstitch.machine.libraries import load_blas

_BLAS = load_blas()
_GEMM = {"f": _BLAS.sgemm, "d": _BLAS.dgemm}


def gemm(alpha: float, A: Matrix, B: Matrix, beta: float, C: Matrix) -> None:
    """C ← α A B + β C.

    A (n, k), B (k, m) and C (n, m) share one of float32 and float64, each in row or column
    order; transposed views cost nothing. C is overwritten and must not overlap A or B; with
    β = 0 it is not read. Raises ValueError for anything else.
    """
    if not (A.ndim == B.ndim == C.ndim == 2 and C.shape == (A.shape[0], B.shape[1])) or (
        A.shape[1] != B.shape[0]
    ):
        raise ValueError(f"shapes do not fit C ← A B: {C.shape} ← {A.shape} {B.shape}")
    if not (A.dtype.char == B.dtype.char == C.dtype.char and C.dtype.char in _GEMM):
        raise ValueError(
            f"A, B and C must share float32 or float64: {C.dtype} ← {A.dtype} {B.dtype}"
        )
    if not C.flags.writeable:
        raise ValueError("C is read-only")  # SciPy would write into it all the same
    if C.size == 0:
        return
    if not C.flags.f_contiguous:
        # In row order, Cᵀ ← α Bᵀ Aᵀ + β Cᵀ is the same product in column order.
        A, B, C = B.T, A.T, C.T
    a, transpose_a = (A, 0) if A.flags.f_contiguous else (A.T, 1)
    b, transpose_b = (B, 0) if B.flags.f_contiguous else (B.T, 1)
    if not (a.flags.f_contiguous and b.flags.f_contiguous and C.flags.f_contiguous):
        # SciPy would work on a copy: of C (the result lost), or of A or B (time and memory).
        raise ValueError("A, B and C must be in row or column order, without gaps")
    written = _GEMM[C.dtype.char](alpha, a, b, beta, C, transpose_a, transpose_b, 1)
    if written is not C:
        raise ValueError("the product was not written in place")
