"""Numbers of 16 bits (bfloat16), two in a lane: cut, widened, or rounded.

A bfloat16 is the upper half of a float32: its sign, its exponent and 8 bits of precision. Numbers
are rounded to the nearest, ties to even; subnormal ones become 0.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import overload

from handstitch.compiled.simd import LANES, LLVM_BITS, LLVM_VECTOR, PAIRS, VECTOR, unpack, word

_SHIFT, _UPPER = LLVM_BITS([16] * LANES), LLVM_BITS([0xFFFF0000] * LANES)
_ALTERNATELY: Final = list(chain(*zip(range(LANES), range(LANES, 2 * LANES), strict=True)))


class _Bfloat16(ir.Type):  # type: ignore[misc]
    """The type that llvmlite lacks."""

    def _to_string(self) -> str:
        return "bfloat"


_NUMBERS = ir.VectorType(_Bfloat16(), 2 * LANES)
_HALVES = ir.VectorType(ir.IntType(16), 2 * LANES)


@word(lambda low, _high: low(low, low))
def narrow(builder: Any, low: Any, high: Any) -> Any:
    """Two rows as one: each lane holds both numbers, cut to their upper 16 bits (bfloat16)."""
    joined = []
    for a, b in zip(unpack(builder, low), unpack(builder, high), strict=True):
        bits, upper = (builder.bitcast(one, LLVM_BITS) for one in (a, b))
        bits = builder.or_(builder.lshr(bits, _SHIFT), builder.and_(upper, _UPPER))
        joined.append(builder.bitcast(bits, LLVM_VECTOR))
    return cgutils.pack_array(builder, joined)


@word(lambda row: types.UniTuple(VECTOR, 2 * row.count)(row))
def widen(builder: Any, row: Any) -> Any:
    """The inverse of `narrow`: of each vector the lower numbers, then the upper ones."""
    numbers = []
    for vector in unpack(builder, row):
        bits = builder.bitcast(vector, LLVM_BITS)
        parts = builder.shl(bits, _SHIFT), builder.and_(bits, _UPPER)
        numbers += [builder.bitcast(part, LLVM_VECTOR) for part in parts]
    return cgutils.pack_array(builder, numbers)


FORMATS: Final = {None: np.float32, "AVX512-BF16": np.uint32, "AMX": np.int32}
"""Units that multiply bfloat16, and the type of arrays that holds their pairs; None: float32."""


def by_format(of_numbers: Any, of_pairs: Any, of_tiles: Any = None) -> Any:
    """Whichever of these functions is meant for the type of their first argument, an array: of
    float32, or of pairs for the vector unit or for tiles.
    """
    functions = {
        types.float32: of_numbers, types.uint32: of_pairs, types.int32: of_tiles or of_pairs
    }  # fmt: skip

    def chosen(array, *arguments): ...

    @overload(chosen)
    def choose(array, *arguments):
        function = functions[array.dtype]
        return lambda array, *arguments: function(array, *arguments)  # noqa: PLW0108 (numba)

    return chosen


def _pairs(row: Any, _other: Any) -> Any:
    return types.UniTuple(PAIRS, row.count)(row, row)


@word(_pairs)
def round_alternately(builder: Any, low: Any, high: Any) -> Any:
    """Two rows as one of pairs: each lane holds a number of both, rounded."""
    pairs = []
    for a, b in zip(unpack(builder, low), unpack(builder, high), strict=True):
        halves = builder.bitcast(_round(builder, a, b), _HALVES)
        order = ir.VectorType(ir.IntType(32), 2 * LANES)(_ALTERNATELY)
        mixed = builder.shuffle_vector(halves, ir.Constant(_HALVES, ir.Undefined), order)
        pairs.append(builder.bitcast(mixed, LLVM_BITS))
    return cgutils.pack_array(builder, pairs)


@word(_pairs)
def round_in_order(builder: Any, low: Any, high: Any) -> Any:
    """Two rows as one of pairs: of each first the lower numbers, in order, rounded."""
    return cgutils.pack_array(
        builder,
        [
            builder.bitcast(_round(builder, a, b), LLVM_BITS)
            for a, b in zip(unpack(builder, low), unpack(builder, high), strict=True)
        ],
    )


def _round(builder: Any, low: Any, high: Any) -> Any:
    """32 numbers of two vectors, rounded."""
    kind = ir.FunctionType(_NUMBERS, [LLVM_VECTOR, LLVM_VECTOR])
    name = "llvm.x86.avx512bf16.cvtne2ps2bf16.512"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [high, low])
