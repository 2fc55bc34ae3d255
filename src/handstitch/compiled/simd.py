"""Vectors of 16 float32 and the LLVM instructions on them: the vocabulary of the kernels.

LLVM splits a vector into as many as the processor needs. `start` is the address of a number, and
vector v is the v-th from there on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils

LANES: Final = 16
"""Numbers in a vector."""
I64, FLOAT = ir.IntType(64), ir.FloatType()
VECTOR = ir.VectorType(FLOAT, LANES)
_I32 = ir.IntType(32)
_LANE_BITS = ir.VectorType(ir.IntType(1), LANES)


def address(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    """The address of an array's first number."""
    return context.make_array(array_type)(context, builder, array).data


def load(builder: Any, start: Any, v: int) -> Any:
    """Vector v in memory."""
    return builder.load(_pointer(builder, start, v), align=4)


def store(builder: Any, vector: Any, start: Any, v: int) -> None:
    """Vector v in memory ← `vector`."""
    builder.store(vector, _pointer(builder, start, v), align=4)


def broadcast(builder: Any, number: Any) -> Any:
    """A vector with `number` in every lane."""
    undefined = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    one = builder.insert_element(undefined, number, _I32(0))
    return builder.shuffle_vector(one, undefined, ir.VectorType(_I32, LANES)(None))


def fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c, in one instruction where there is one."""
    return builder.fadd(builder.fmul(a, b, flags=["contract"]), c, flags=["contract"])


def tail_mask(builder: Any, width: Any, vectors: int) -> Any:
    """The lanes of the last of `vectors` vectors that belong to a row of `width` numbers."""
    count = builder.sub(width, I64((vectors - 1) * LANES))
    lanes = ir.VectorType(I64, LANES)(list(range(LANES)))
    return builder.icmp_unsigned("<", lanes, broadcast(builder, count))


def load_tail(builder: Any, start: Any, v: int, tail: Any) -> Any:
    """Vector v in memory, of which only the lanes in `tail` are read; the others are 0."""
    pointer = _pointer(builder, start, v)
    signature = ir.FunctionType(VECTOR, [pointer.type, _I32, _LANE_BITS, VECTOR])
    masked = cgutils.get_or_insert_function(builder.module, signature, "llvm.masked.load.v16f32.p0")
    return builder.call(masked, [pointer, _I32(4), tail, VECTOR(None)])


def load_row(builder: Any, start: Any, vectors: int, tail: Any) -> list[Any]:
    """A row of vectors, the last one by `load_tail`."""
    whole = [load(builder, start, v) for v in range(vectors - 1)]
    return [*whole, load_tail(builder, start, vectors - 1, tail)]


def store_row(builder: Any, row: list[Any], start: Any, tail: Any) -> None:
    """A row of vectors in memory ← `row`; of the last only the lanes in `tail` are written."""
    for v, vector in enumerate(row[:-1]):
        store(builder, vector, start, v)
    pointer = _pointer(builder, start, len(row) - 1)
    signature = ir.FunctionType(ir.VoidType(), [VECTOR, pointer.type, _I32, _LANE_BITS])
    masked = cgutils.get_or_insert_function(
        builder.module, signature, "llvm.masked.store.v16f32.p0"
    )
    builder.call(masked, [row[-1], pointer, _I32(4), tail])


def outlined(name: str, emit: Callable[[Any, Any], None]) -> Callable[..., Any]:
    """A call of a function of its own whose body `emit` writes.

    Inlined, a body that long would be compiled anew at every place that calls it.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        arguments = [
            address(context, builder, kind, value) if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, values, strict=True)
        ]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in arguments])
        function = cgutils.get_or_insert_function(builder.module, kind, f"handstitch_{name}")
        if function.is_declaration:
            function.linkage = "linkonce_odr"
            function.attributes.add("noinline")
            own = ir.IRBuilder(function.append_basic_block())
            emit(own, function.args)
            own.ret_void()
        builder.call(function, arguments)
        return context.get_dummy_value()

    return generate


def _pointer(builder: Any, start: Any, v: int) -> Any:
    return builder.bitcast(builder.gep(start, [I64(v * LANES)]), VECTOR.as_pointer())
