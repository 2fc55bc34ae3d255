"""Vectors of 16 float32 and the LLVM instructions on them: the vocabulary of the kernels.

A row is a tuple of vectors, and a word of the vocabulary is one instruction on each of them; LLVM
splits a vector into as many as the processor needs. A position `at` in an array of one dimension
is never negative. Lanes that have no number in memory are 0, and are neither read nor written.

An array of uint32 or int32 holds pairs of bfloat16, and vectors from it have a pair in every lane.
A sum takes both products of two pairs, the upper one first, each time rounded to float32.
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
I32, I64 = ir.IntType(32), ir.IntType(64)
LLVM_VECTOR = ir.VectorType(ir.FloatType(), LANES)
LLVM_BITS = ir.VectorType(I32, LANES)
_EVERY_LANE: Final = range(LANES)


class Vector(types.Type):  # type: ignore[misc]
    """Type of a vector in compiled code: of float32, or of pairs of bfloat16."""


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, LLVM_BITS if kind == PAIRS else LLVM_VECTOR)


VECTOR, PAIRS, _i64 = Vector("Vector"), Vector("Pairs"), types.int64


def _of(array: Any, count: int) -> Any:
    """Type of a row of so many vectors from this array."""
    is_paired = array.dtype in {types.uint32, types.int32}
    return types.UniTuple(PAIRS if is_paired else VECTOR, count)


def word(signature: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
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


@word(lambda array, _at: array.dtype(array, _i64))
def element(builder: Any, start: Any, at: Any) -> Any:
    """array[at]; numba's own indexing asks every time whether `at` counts from the end."""
    return builder.load(builder.gep(start, [at]))


@word(lambda a, _at, n, _width: _of(a, n.literal_value)(a, _i64, n, _i64))
def load(builder: Any, start: Any, at: Any, vectors: int, width: Any) -> Any:
    """Row of so many vectors: at most `width` numbers, from array[at] on."""
    return _read(builder, _parts(builder, start, at, I64(0), 1, vectors, width))


@word(lambda array, _at, row, _width: types.void(array, _i64, row, _i64))
def store(builder: Any, start: Any, at: Any, row: Any, width: Any) -> None:
    """At most `width` numbers, from array[at] on ← row."""
    _write(builder, row, _parts(builder, start, at, I64(0), 1, row.type.count, width))


@word(
    lambda array, _at, _ld, m, n, _width: _of(array, m.literal_value * n.literal_value)(
        array, _i64, _i64, m, n, _i64
    )
)
def load_rows(builder: Any, start: Any, at: Any, ld: Any, m: int, n: int, width: Any) -> Any:
    """m rows, at a distance of ld, each of n vectors as by `load`, in one tuple."""
    return _read(builder, _parts(builder, start, at, ld, m, n, width))


@word(lambda array, _at, _ld, m, row, _w: types.void(array, _i64, _i64, m, row, _i64))
def store_rows(builder: Any, start: Any, at: Any, ld: Any, m: int, rows: Any, width: Any) -> None:
    """The inverse of `load_rows`."""
    _write(builder, rows, _parts(builder, start, at, ld, m, rows.type.count // m, width))


@word(lambda array, *_: _of(array, LANES)(array, _i64, _i64, _i64, _i64))
def load_block(builder: Any, start: Any, at: Any, ld: Any, height: Any, width: Any) -> Any:
    """Block (16, 16): at most `height` rows of `width` numbers, at a distance of ld."""
    return _read(builder, _block_parts(builder, start, at, ld, height, width))


@word(lambda array, _at, block, *_: types.void(array, _i64, block, _i64, _i64, _i64))
def store_block(
    builder: Any, start: Any, at: Any, block: Any, ld: Any, height: Any, width: Any
) -> None:
    """At most `height` rows of `width` numbers, at a distance of ld, from array[at] on ← block."""
    _write(builder, block, _block_parts(builder, start, at, ld, height, width))


@word(lambda array, _at, _step, row, sums: sums(array, _i64, _i64, row, sums))
def fma_rows(builder: Any, start: Any, at: Any, step: Any, row: Any, sums: Any) -> Any:
    """Rows of sums: to each is added one of the numbers array[at], array[at + step], … · row."""
    vectors, each = unpack(builder, row), unpack(builder, sums)
    added = []
    for r in range(len(each) // len(vectors)):
        number = builder.load(builder.gep(start, [builder.add(at, builder.mul(step, I64(r)))]))
        here = each[r * len(vectors) : (r + 1) * len(vectors)]
        added += _fused(builder, number, vectors, here)
    return cgutils.pack_array(builder, added)


def _filled(number: Any, n: Any) -> Any:
    kind = PAIRS if number == types.uint32 else VECTOR
    return types.UniTuple(kind, n.literal_value)(number, n)


@word(_filled)
def fill(builder: Any, number: Any, vectors: int) -> Any:
    """Row of so many vectors, with `number` in every lane."""
    return cgutils.pack_array(builder, [_broadcast(builder, number)] * vectors)


@word(lambda number, row, sums: sums(number, row, sums))
def fma(builder: Any, number: Any, row: Any, sums: Any) -> Any:
    """number · row + sums, in one instruction where there is one."""
    added = _fused(builder, number, unpack(builder, row), unpack(builder, sums))
    return cgutils.pack_array(builder, added)


@word(lambda row, _other: types.UniTuple(VECTOR, 1)(row, row))
def products(builder: Any, row: Any, other: Any) -> Any:
    """One vector: Σ over the vectors of two rows of their products."""
    first, *rest = zip(unpack(builder, row), unpack(builder, other), strict=True)
    if first[0].type == LLVM_BITS:
        total = LLVM_VECTOR(None)
        for a, b in (first, *rest):
            total = _dot(builder, a, b, total)
        return cgutils.pack_array(builder, [total])
    total, fused = builder.fmul(*first), ["contract"]
    for a, b in rest:
        total = builder.fadd(builder.fmul(a, b, flags=fused), total, flags=fused)
    return cgutils.pack_array(builder, [total])


@word(lambda rows: types.UniTuple(VECTOR, rows.count // 2)(rows))
def fold(builder: Any, rows: Any) -> Any:
    """Half as many vectors, each with sums within two: after four times, of 16, lane i of the one
    that is left is the sum of vector i.
    """
    vectors = unpack(builder, rows)
    size = len(vectors) // 2
    pairs = zip(vectors[:size], vectors[size:], strict=True)
    return cgutils.pack_array(
        builder, [builder.fadd(*_halves(builder, a, b, size)) for a, b in pairs]
    )


@word(lambda block: block(block))
def transpose(builder: Any, block: Any) -> Any:
    """The transpose of a block (16, 16).

    Its off-diagonal quarters are swapped, then those of each quarter, and so on.
    """
    rows = unpack(builder, block)
    for size in (8, 4, 2, 1):
        for i in _EVERY_LANE:
            if not i & size:
                rows[i], rows[i + size] = _halves(builder, rows[i], rows[i + size], size)
    return cgutils.pack_array(builder, rows)


@word(types.void)
def outlined(builder: Any) -> None:
    """Keep LLVM from inlining the function that says this.

    Inlined, a body that long would be compiled anew at every place that calls it.
    """
    builder.function.attributes.add("noinline")


def _fused(builder: Any, number: Any, row: list[Any], sums: list[Any]) -> list[Any]:
    """number · row + sums."""
    s, fused = _broadcast(builder, number), ["contract"]
    if s.type == LLVM_BITS:
        return [_dot(builder, s, b, c) for b, c in zip(row, sums, strict=True)]
    return [
        builder.fadd(builder.fmul(s, b, flags=fused), c, flags=fused)
        for b, c in zip(row, sums, strict=True)
    ]


def _dot(builder: Any, a: Any, b: Any, sums: Any) -> Any:
    """a · b + sums of two vectors of pairs."""
    kind = ir.FunctionType(LLVM_VECTOR, [LLVM_VECTOR, LLVM_BITS, LLVM_BITS])
    name = "llvm.x86.avx512bf16.dpbf16ps.512"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [sums, a, b])


def _halves(builder: Any, a: Any, b: Any, size: int) -> tuple[Any, Any]:
    """Two vectors in pieces of `size` lanes: every first piece of both, every second of both."""
    low = LLVM_BITS([c if not c & size else LANES + c - size for c in _EVERY_LANE])
    high = LLVM_BITS([c + size if not c & size else LANES + c for c in _EVERY_LANE])
    return builder.shuffle_vector(a, b, low), builder.shuffle_vector(a, b, high)


def _parts(builder: Any, start: Any, at: Any, ld: Any, rows: int, vectors: int, width: Any) -> Any:
    """Address of each vector of rows at a distance of ld, and how many numbers are there."""
    found = []
    for row, vector in product(range(rows), range(vectors)):
        begin, before = builder.add(at, builder.mul(ld, I64(row))), I64(vector * LANES)
        first = builder.gep(start, [builder.add(begin, before)])
        pointer = builder.bitcast(first, ir.VectorType(start.type.pointee, LANES).as_pointer())
        found.append((pointer, builder.sub(width, before)))
    return found


def _block_parts(builder: Any, start: Any, at: Any, ld: Any, height: Any, width: Any) -> Any:
    """The same of a block: of its rows from `height` on, no numbers."""
    found = []
    for i, (pointer, count) in enumerate(_parts(builder, start, at, ld, LANES, 1, width)):
        is_there = builder.icmp_signed("<", I64(i), height)
        found.append((pointer, builder.select(is_there, count, I64(0))))
    return found


def _read(builder: Any, parts: list[tuple[Any, Any]]) -> Any:
    vectors = []
    for pointer, count in parts:
        kind = pointer.type.pointee
        arguments = [pointer, I32(4), _lanes(builder, count), kind(None)]
        vectors.append(_masked(builder, "load", kind, arguments))
    return cgutils.pack_array(builder, vectors)


def _write(builder: Any, row: Any, parts: list[tuple[Any, Any]]) -> None:
    for vector, (pointer, count) in zip(unpack(builder, row), parts, strict=True):
        arguments = [vector, pointer, I32(4), _lanes(builder, count)]
        _masked(builder, "store", ir.VoidType(), arguments)


def _masked(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """With a mask that is known and whole, LLVM makes it a load or store without one."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    numbers = "i32" if LLVM_BITS in (result, arguments[0].type) else "f32"
    name = f"llvm.masked.{name}.v16{numbers}.p0"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _lanes(builder: Any, count: Any) -> Any:
    """The first `count` lanes; none if it is negative, all from 16 on."""
    lanes = LLVM_BITS(list(_EVERY_LANE))
    return builder.icmp_signed("<", lanes, _broadcast(builder, builder.trunc(count, I32)))


def _broadcast(builder: Any, number: Any) -> Any:
    """A vector with `number` in every lane."""
    undefined = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    one = builder.insert_element(undefined, number, I32(0))
    return builder.shuffle_vector(one, undefined, LLVM_BITS(None))


def unpack(builder: Any, row: Any) -> list[Any]:
    """The vectors of a row."""
    return [builder.extract_value(row, v) for v in range(row.type.count)]
