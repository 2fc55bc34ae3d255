"""SciPy's sgemm for compiled code: called by its address, without Python and its lock."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

import handstitch.core.blas  # noqa: F401 (loads SciPy's BLAS with the kernels it should have)

ADDRESS: Final[int] = get_cython_function_address("scipy.linalg.cython_blas", "sgemm")
"""Of this process: handed in with every call, so that compiled code can be kept on disk."""


@intrinsic  # type: ignore[untyped-decorator]
def gemm(
    _context: Any,
    address: Any,
    transpose_a: Any,
    transpose_b: Any,
    m: Any,
    n: Any,
    k: Any,
    alpha: Any,
    A: Any,
    lda: Any,
    B: Any,
    ldb: Any,
    beta: Any,
    C: Any,
    ldc: Any,
) -> Any:
    """C ← α op(A) op(B) + β C in BLAS's column order: op(A) (m, k), op(B) (k, n), C (m, n).

    Arrays are vectors that begin with the first number; ld is the distance of two columns.
    """
    i, f = types.int64, types.float64
    signature = types.void(i, i, i, i, i, i, f, A, i, B, i, f, C, i)
    return signature, _generate


def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    """The call, with every argument as an address, as Fortran has it."""
    letter, integer, real = ir.IntType(8), ir.IntType(32), ir.FloatType()

    def passed(position: int) -> Any:
        value, kind = values[position], signature.args[position]
        if isinstance(kind, types.Array):
            return context.make_array(kind)(context, builder, value).data
        if position <= 2:
            yes = builder.icmp_signed("!=", value, value.type(0))
            value = builder.select(yes, letter(ord("T")), letter(ord("N")))
        elif kind == types.float64:
            value = builder.fptrunc(value, real)
        else:
            value = builder.trunc(value, integer)
        return cgutils.alloca_once_value(builder, value)

    arguments = [passed(position) for position in range(1, len(values))]
    kind = ir.FunctionType(ir.VoidType(), [each.type for each in arguments])
    builder.call(builder.inttoptr(values[0], kind.as_pointer()), arguments)
    return context.get_dummy_value()
