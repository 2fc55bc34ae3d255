"""Vectors of 16 float32 and the LLVM instructions on them: the vocabulary of the kernels.

A row is a tuple of vectors, and a word of the vocabulary is one instruction on each of them; LLVM
splits a vector into as many as the processor needs. Arrays have one dimension, and positions in
them are never negative.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

LANES: Final = 16
"""Numbers in a vector."""
_I32, _I64, _FLOAT = ir.IntType(32), ir.IntType(64), ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_LANE_BITS = ir.VectorType(ir.IntType(1), LANES)


class Vector(types.Type):  # type: ignore[misc]
    """Type of a vector in compiled code."""


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    """A vector is kept as what LLVM calls <16 x float>."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


@intrinsic  # type: ignore[untyped-decorator]
def element(_context: Any, array: Any, at: Any) -> Any:
    """array[at]; numba's own indexing asks every time whether `at` counts from the end."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(_address(context, builder, signature, values))

    return array.dtype(array, types.int64), generate


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def load(_context: Any, array: Any, at: Any, vectors: Any, width: Any) -> Any:
    """Row of at most `width` numbers, from array[at] on; lanes behind them are 0, and not read."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = _address(context, builder, signature, values)
        row = [builder.load(_pointer(builder, start, v), align=4) for v in range(whole)]
        tail = _tail(builder, values[3], whole)
        row.append(_masked_load(builder, _pointer(builder, start, whole), tail))
        return cgutils.pack_array(builder, row)

    whole, i = vectors.literal_value - 1, types.int64
    return types.UniTuple(Vector("Vector"), whole + 1)(array, i, vectors, i), generate


@intrinsic  # type: ignore[untyped-decorator]
def store(_context: Any, array: Any, at: Any, row: Any, width: Any) -> Any:
    """The `width` numbers from array[at] on ← row; what lies behind them is not touched."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = _address(context, builder, signature, values)
        *vectors, last = _unpack(builder, values[2])
        for v, vector in enumerate(vectors):
            builder.store(vector, _pointer(builder, start, v), align=4)
        kind = ir.FunctionType(ir.VoidType(), [_VECTOR, _VECTOR.as_pointer(), _I32, _LANE_BITS])
        masked = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.store.v16f32.p0")
        whole = len(vectors)
        tail = _tail(builder, values[3], whole)
        builder.call(masked, [last, _pointer(builder, start, whole), _I32(4), tail])
        return context.get_dummy_value()

    return types.void(array, types.int64, row, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def scale(_context: Any, number: Any, row: Any) -> Any:
    """number · row."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        s = _broadcast(builder, values[0])
        return cgutils.pack_array(
            builder, [builder.fmul(s, b) for b in _unpack(builder, values[1])]
        )

    return row(types.float32, row), generate


@intrinsic  # type: ignore[untyped-decorator]
def fma(_context: Any, number: Any, row: Any, sums: Any) -> Any:
    """number · row + sums, in one instruction where there is one."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        s, fused = _broadcast(builder, values[0]), ["contract"]
        pairs = zip(*(_unpack(builder, value) for value in values[1:]), strict=True)
        row = [builder.fadd(builder.fmul(s, b, flags=fused), c, flags=fused) for b, c in pairs]
        return cgutils.pack_array(builder, row)

    return sums(types.float32, row, sums), generate


@intrinsic  # type: ignore[untyped-decorator]
def nonzero_bits(_context: Any, row: Any) -> Any:
    """Σ 2ⁱ over the numbers of a row, 64 at most, that are not 0."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        mask: Any = _I64(0)
        for v, vector in enumerate(_unpack(builder, values[0])):
            found = builder.fcmp_unordered("!=", vector, _VECTOR(None))
            found = builder.zext(builder.bitcast(found, ir.IntType(LANES)), _I64)
            mask = builder.or_(mask, builder.shl(found, _I64(v * LANES)))
        return mask

    return types.uint64(row), generate


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(_context: Any, mask: Any) -> Any:
    """Position of the lowest bit that is set; one must be."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.IntType(1)(1))

    return types.int64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def outlined(_context: Any) -> Any:
    """Keep LLVM from inlining the function that says this.

    Inlined, a body that long would be compiled anew at every place that calls it.
    """

    def generate(context: Any, builder: Any, _signature: Any, _values: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic  # type: ignore[untyped-decorator]
def load_block(_context: Any, array: Any, at: Any, ld: Any, height: Any, width: Any) -> Any:
    """`height` ≤ 16 rows of `width` numbers, at a distance of ld, padded with 0 to (16, 16)."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = _address(context, builder, signature, values)
        ld, height, width = values[2:]
        block = []
        for i, pointer in enumerate(_starts(builder, start, ld)):
            read = builder.select(builder.icmp_signed("<", _I64(i), height), width, _I64(0))
            block.append(_masked_load(builder, pointer, _tail(builder, read, 0)))
        return cgutils.pack_array(builder, block)

    i = types.int64
    return types.UniTuple(Vector("Vector"), LANES)(array, i, i, i, i), generate


@intrinsic  # type: ignore[untyped-decorator]
def store_block(_context: Any, array: Any, at: Any, block: Any, ld: Any) -> Any:
    """16 vectors at a distance of ld, from array[at] on ← block."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = _address(context, builder, signature, values)
        starts = _starts(builder, start, values[3])
        for vector, each in zip(_unpack(builder, values[2]), starts, strict=True):
            builder.store(vector, each, align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, block, types.int64), generate


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def exchange(_context: Any, block: Any, size: Any) -> Any:
    """Block (16, 16), cut into squares of 2 · `size` rows: their off-diagonal quarters swapped."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        step, lanes, rows = size.literal_value, range(LANES), _unpack(builder, values[0])
        pick = ir.VectorType(_I32, LANES)
        low = pick([c if not c & step else LANES + c - step for c in lanes])
        high = pick([c + step if not c & step else LANES + c for c in lanes])
        for i in lanes:
            if not i & step:
                a, b = rows[i], rows[i + step]
                rows[i] = builder.shuffle_vector(a, b, low)
                rows[i + step] = builder.shuffle_vector(a, b, high)
        return cgutils.pack_array(builder, rows)

    return block(block, size), generate


def _address(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    """The address of array[at], the first two arguments of a word."""
    array = context.make_array(signature.args[0])(context, builder, values[0])
    return builder.gep(array.data, [values[1]])


def _pointer(builder: Any, start: Any, v: int) -> Any:
    return builder.bitcast(builder.gep(start, [_I64(v * LANES)]), _VECTOR.as_pointer())


def _masked_load(builder: Any, pointer: Any, lanes: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [pointer.type, _I32, _LANE_BITS, _VECTOR])
    masked = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.load.v16f32.p0")
    return builder.call(masked, [pointer, _I32(4), lanes, _VECTOR(None)])


def _starts(builder: Any, start: Any, ld: Any) -> list[Any]:
    rows = [builder.gep(start, [builder.mul(ld, _I64(i))]) for i in range(LANES)]
    return [_pointer(builder, row, 0) for row in rows]


def _tail(builder: Any, width: Any, whole: int) -> Any:
    """The lanes that belong to a row of `width` numbers, behind `whole` vectors."""
    count = builder.trunc(builder.sub(width, _I64(whole * LANES)), _I32)
    lanes = ir.VectorType(_I32, LANES)(list(range(LANES)))
    return builder.icmp_unsigned("<", lanes, _broadcast(builder, count))


def _broadcast(builder: Any, number: Any) -> Any:
    """A vector with `number` in every lane."""
    undefined = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    one = builder.insert_element(undefined, number, _I32(0))
    return builder.shuffle_vector(one, undefined, ir.VectorType(_I32, LANES)(None))


def _unpack(builder: Any, row: Any) -> list[Any]:
    """The vectors of a row."""
    return [builder.extract_value(row, v) for v in range(row.type.count)]
