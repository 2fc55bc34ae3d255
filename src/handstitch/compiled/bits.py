"""Masks of 64 bits that say which numbers of a row are not 0."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types

from handstitch.compiled.simd import I64, LANES, LLVM_BITS, LLVM_VECTOR, unpack, word

_NOT_SIGNS: Final = LLVM_BITS([0x7FFF7FFF] * LANES)


@word(types.uint64)
def nonzero_bits(builder: Any, row: Any) -> Any:
    """Σ 2ⁱ over the numbers or pairs of a row, 64 at most, that are not 0."""
    mask: Any = I64(0)
    for v, vector in enumerate(unpack(builder, row)):
        if vector.type == LLVM_BITS:  # without signs: −0 is 0
            found = builder.icmp_unsigned("!=", builder.and_(vector, _NOT_SIGNS), LLVM_BITS(None))
        else:
            found = builder.fcmp_unordered("!=", vector, LLVM_VECTOR(None))
        found = builder.zext(builder.bitcast(found, ir.IntType(LANES)), I64)
        mask = builder.or_(mask, builder.shl(found, I64(v * LANES)))
    return mask


@word(lambda _mask: types.int64(types.uint64))
def lowest_bit(builder: Any, mask: Any) -> Any:
    """Position of the lowest bit that is set; one must be."""
    return builder.cttz(mask, ir.IntType(1)(1))


@word(lambda _mask: types.int64(types.uint64))
def count_bits(builder: Any, mask: Any) -> Any:
    """How many bits are set."""
    return builder.ctpop(mask)
