"""Vectors of 16 float32 and the LLVM instructions on them: the vocabulary of the kernels.

A row is a tuple of vectors, and a word of the vocabulary is one instruction on each of them; LLVM
splits a vector into as many as the processor needs. A position `at` in an array of one dimension
is never negative. Lanes that have no number in memory are 0, and are neither read nor written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from itertools import product
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

LANES: Final = 16
"""Numbers in a vector."""
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_LLVM_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_LLVM_BITS = ir.VectorType(_I32, LANES)
_SHIFT, _UPPER = _LLVM_BITS([16] * LANES), _LLVM_BITS([0xFFFF0000] * LANES)
_EVERY_LANE: Final = range(LANES)


class Vector(types.Type):  # type: ignore[misc]
    """Type of a vector in compiled code."""


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _LLVM_VECTOR)


_VECTOR, _i64 = Vector("Vector"), types.int64


def _word(signature: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """An intrinsic: `signature` of its arguments' types, and the function that writes its code.

    That function is given an array's address, and a literal as Python's number.
    """

    def decorate(write: Callable[..., Any]) -> Any:
        @wraps(write)  # numba reads the names of the arguments
        def define(_context: Any, *kinds: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                def pass_on(kind: Any, value: Any) -> Any:
                    if isinstance(kind, types.Array):
                        return context.make_array(kind)(context, builder, value).data
                    return kind.literal_value if isinstance(kind, types.Literal) else value

                result = write(builder, *map(pass_on, signature.args, values))
                return context.get_dummy_value() if result is None else result

            return signature(*kinds), generate

        return intrinsic(prefer_literal=True)(define)

    return decorate


@_word(lambda array, _at: array.dtype(array, _i64))
def element(builder: Any, start: Any, at: Any) -> Any:
    """array[at]; numba's own indexing asks every time whether `at` counts from the end."""
    return builder.load(builder.gep(start, [at]))


@_word(lambda a, _at, n, _width: types.UniTuple(_VECTOR, n.literal_value)(a, _i64, n, _i64))
def load(builder: Any, start: Any, at: Any, vectors: int, width: Any) -> Any:
    """Row of so many vectors: at most `width` numbers, from array[at] on."""
    return _read(builder, _parts(builder, start, at, _I64(0), 1, vectors, width))


@_word(lambda array, _at, row, _width: types.void(array, _i64, row, _i64))
def store(builder: Any, start: Any, at: Any, row: Any, width: Any) -> None:
    """At most `width` numbers, from array[at] on ← row."""
    _write(builder, row, _parts(builder, start, at, _I64(0), 1, row.type.count, width))


@_word(
    lambda array, _at, _ld, m, n, _width: types.UniTuple(
        _VECTOR, m.literal_value * n.literal_value
    )(array, _i64, _i64, m, n, _i64)
)
def load_rows(builder: Any, start: Any, at: Any, ld: Any, m: int, n: int, width: Any) -> Any:
    """m rows, at a distance of ld, each of n vectors as by `load`, in one tuple."""
    return _read(builder, _parts(builder, start, at, ld, m, n, width))


@_word(lambda array, _at, _ld, m, row, _w: types.void(array, _i64, _i64, m, row, _i64))
def store_rows(builder: Any, start: Any, at: Any, ld: Any, m: int, rows: Any, width: Any) -> None:
    """The inverse of `load_rows`."""
    _write(builder, rows, _parts(builder, start, at, ld, m, rows.type.count // m, width))


@_word(lambda array, *_: types.UniTuple(_VECTOR, LANES)(array, _i64, _i64, _i64, _i64))
def load_block(builder: Any, start: Any, at: Any, ld: Any, height: Any, width: Any) -> Any:
    """Block (16, 16): at most `height` rows of `width` numbers, at a distance of ld."""
    return _read(builder, _block_parts(builder, start, at, ld, height, width))


@_word(lambda array, _at, block, *_: types.void(array, _i64, block, _i64, _i64, _i64))
def store_block(
    builder: Any, start: Any, at: Any, block: Any, ld: Any, height: Any, width: Any
) -> None:
    """At most `height` rows of `width` numbers, at a distance of ld, from array[at] on ← block."""
    _write(builder, block, _block_parts(builder, start, at, ld, height, width))


@_word(lambda array, _at, _step, row, sums: sums(array, _i64, _i64, row, sums))
def fma_rows(builder: Any, start: Any, at: Any, step: Any, row: Any, sums: Any) -> Any:
    """Rows of sums: to each is added one of the numbers array[at], array[at + step], … · row."""
    vectors, each = _unpack(builder, row), _unpack(builder, sums)
    added = []
    for r in range(len(each) // len(vectors)):
        number = builder.load(builder.gep(start, [builder.add(at, builder.mul(step, _I64(r)))]))
        here = each[r * len(vectors) : (r + 1) * len(vectors)]
        added += _fused(builder, number, vectors, here)
    return cgutils.pack_array(builder, added)


@_word(lambda _number, n: types.UniTuple(_VECTOR, n.literal_value)(types.float32, n))
def fill(builder: Any, number: Any, vectors: int) -> Any:
    """Row of so many vectors, with `number` in every lane."""
    return cgutils.pack_array(builder, [_broadcast(builder, number)] * vectors)


@_word(lambda _number, row, _sums: row(types.float32, row, row))
def fma(builder: Any, number: Any, row: Any, sums: Any) -> Any:
    """number · row + sums, in one instruction where there is one."""
    added = _fused(builder, number, _unpack(builder, row), _unpack(builder, sums))
    return cgutils.pack_array(builder, added)


@_word(lambda row, _other: types.UniTuple(_VECTOR, 1)(row, row))
def products(builder: Any, row: Any, other: Any) -> Any:
    """One vector: Σ over the vectors of two rows of their products."""
    first, *rest = zip(_unpack(builder, row), _unpack(builder, other), strict=True)
    total, fused = builder.fmul(*first), ["contract"]
    for a, b in rest:
        total = builder.fadd(builder.fmul(a, b, flags=fused), total, flags=fused)
    return cgutils.pack_array(builder, [total])


@_word(lambda rows: types.UniTuple(_VECTOR, rows.count // 2)(rows))
def fold(builder: Any, rows: Any) -> Any:
    """Half as many vectors, each with sums within two: after four times, of 16, lane i of the one
    that is left is the sum of vector i.
    """
    vectors = _unpack(builder, rows)
    size = len(vectors) // 2
    pairs = zip(vectors[:size], vectors[size:], strict=True)
    return cgutils.pack_array(
        builder, [builder.fadd(*_halves(builder, a, b, size)) for a, b in pairs]
    )


@_word(lambda low, _high: low(low, low))
def narrow(builder: Any, low: Any, high: Any) -> Any:
    """Two rows as one: each lane holds both numbers, cut to their upper 16 bits (bfloat16)."""
    joined = []
    for a, b in zip(_unpack(builder, low), _unpack(builder, high), strict=True):
        bits, upper = (builder.bitcast(one, _LLVM_BITS) for one in (a, b))
        bits = builder.or_(builder.lshr(bits, _SHIFT), builder.and_(upper, _UPPER))
        joined.append(builder.bitcast(bits, _LLVM_VECTOR))
    return cgutils.pack_array(builder, joined)


@_word(lambda row: types.UniTuple(_VECTOR, 2 * row.count)(row))
def widen(builder: Any, row: Any) -> Any:
    """The inverse of `narrow`: of each vector the lower numbers, then the upper ones."""
    numbers = []
    for vector in _unpack(builder, row):
        bits = builder.bitcast(vector, _LLVM_BITS)
        parts = builder.shl(bits, _SHIFT), builder.and_(bits, _UPPER)
        numbers += [builder.bitcast(part, _LLVM_VECTOR) for part in parts]
    return cgutils.pack_array(builder, numbers)


@_word(types.uint64)
def nonzero_bits(builder: Any, row: Any) -> Any:
    """Σ 2ⁱ over the numbers of a row, 64 at most, that are not 0."""
    mask: Any = _I64(0)
    for v, vector in enumerate(_unpack(builder, row)):
        found = builder.fcmp_unordered("!=", vector, _LLVM_VECTOR(None))
        found = builder.zext(builder.bitcast(found, ir.IntType(LANES)), _I64)
        mask = builder.or_(mask, builder.shl(found, _I64(v * LANES)))
    return mask


@_word(lambda _mask: _i64(types.uint64))
def lowest_bit(builder: Any, mask: Any) -> Any:
    """Position of the lowest bit that is set; one must be."""
    return builder.cttz(mask, ir.IntType(1)(1))


@_word(lambda _mask: _i64(types.uint64))
def count_bits(builder: Any, mask: Any) -> Any:
    """How many bits are set."""
    return builder.ctpop(mask)


@_word(lambda block, size: block(block, size))
def exchange(builder: Any, block: Any, size: int) -> Any:
    """Block (16, 16), cut into squares of 2 · `size` rows: their off-diagonal quarters swapped."""
    rows = _unpack(builder, block)
    for i in _EVERY_LANE:
        if not i & size:
            rows[i], rows[i + size] = _halves(builder, rows[i], rows[i + size], size)
    return cgutils.pack_array(builder, rows)


@_word(types.void)
def outlined(builder: Any) -> None:
    """Keep LLVM from inlining the function that says this.

    Inlined, a body that long would be compiled anew at every place that calls it.
    """
    builder.function.attributes.add("noinline")


def _fused(builder: Any, number: Any, row: list[Any], sums: list[Any]) -> list[Any]:
    """number · row + sums."""
    s, fused = _broadcast(builder, number), ["contract"]
    return [
        builder.fadd(builder.fmul(s, b, flags=fused), c, flags=fused)
        for b, c in zip(row, sums, strict=True)
    ]


def _halves(builder: Any, a: Any, b: Any, size: int) -> tuple[Any, Any]:
    """Two vectors in pieces of `size` lanes: every first piece of both, every second of both."""
    low = _LLVM_BITS([c if not c & size else LANES + c - size for c in _EVERY_LANE])
    high = _LLVM_BITS([c + size if not c & size else LANES + c for c in _EVERY_LANE])
    return builder.shuffle_vector(a, b, low), builder.shuffle_vector(a, b, high)


def _parts(builder: Any, start: Any, at: Any, ld: Any, rows: int, vectors: int, width: Any) -> Any:
    """Address of each vector of rows at a distance of ld, and how many numbers are there."""
    found = []
    for row, vector in product(range(rows), range(vectors)):
        begin, before = builder.add(at, builder.mul(ld, _I64(row))), _I64(vector * LANES)
        first = builder.gep(start, [builder.add(begin, before)])
        pointer = builder.bitcast(first, _LLVM_VECTOR.as_pointer())
        found.append((pointer, builder.sub(width, before)))
    return found


def _block_parts(builder: Any, start: Any, at: Any, ld: Any, height: Any, width: Any) -> Any:
    """The same of a block: of its rows from `height` on, no numbers."""
    found = []
    for i, (pointer, count) in enumerate(_parts(builder, start, at, ld, LANES, 1, width)):
        is_there = builder.icmp_signed("<", _I64(i), height)
        found.append((pointer, builder.select(is_there, count, _I64(0))))
    return found


def _read(builder: Any, parts: list[tuple[Any, Any]]) -> Any:
    vectors = []
    for pointer, count in parts:
        arguments = [pointer, _I32(4), _lanes(builder, count), _LLVM_VECTOR(None)]
        vectors.append(_masked(builder, "load", _LLVM_VECTOR, arguments))
    return cgutils.pack_array(builder, vectors)


def _write(builder: Any, row: Any, parts: list[tuple[Any, Any]]) -> None:
    for vector, (pointer, count) in zip(_unpack(builder, row), parts, strict=True):
        arguments = [vector, pointer, _I32(4), _lanes(builder, count)]
        _masked(builder, "store", ir.VoidType(), arguments)


def _masked(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """With a mask that is known and whole, LLVM makes it a load or store without one."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    name = f"llvm.masked.{name}.v16f32.p0"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _lanes(builder: Any, count: Any) -> Any:
    """The first `count` lanes; none if it is negative, all from 16 on."""
    lanes = _LLVM_BITS(list(_EVERY_LANE))
    return builder.icmp_signed("<", lanes, _broadcast(builder, builder.trunc(count, _I32)))


def _broadcast(builder: Any, number: Any) -> Any:
    """A vector with `number` in every lane."""
    undefined = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    one = builder.insert_element(undefined, number, _I32(0))
    return builder.shuffle_vector(one, undefined, _LLVM_BITS(None))


def _unpack(builder: Any, row: Any) -> list[Any]:
    """The vectors of a row."""
    return [builder.extract_value(row, v) for v in range(row.type.count)]
