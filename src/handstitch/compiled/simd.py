"""Products that pass over the zeros of one factor, for compiled code.

Half of the pixels of Fashion-MNIST are 0, and ReLU silences half of the units.
C ← α S B + β C is computed row by row: for every number s of a row of S that is not 0, s · (a row
of B) is added to as many columns of C as fit into the processor's registers. S comes as it lies in
memory, with a mask of 64 bits for each 64 numbers that says which of them are not 0; the columns of
B are first copied to where they lie side by side (`pack`).

Vectors are of 16 float32; LLVM makes of them what the processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES: Final = 16
VECTORS: Final = (8, 4, 2, 1) if get_host_cpu_features().get("avx512f") else (6, 4, 2, 1)
"""How many a row of a panel may have: as many sums are under way at once, in registers."""
WIDEST: Final = VECTORS[0] * LANES
"""Columns of a panel at most."""
BLOCK: Final = 64
"""Rows of B in a packed panel: as many as a mask has bits."""

_i64, _float = ir.IntType(64), ir.FloatType()
_vector = ir.VectorType(_float, LANES)
_bits = ir.VectorType(ir.IntType(1), LANES)


@intrinsic  # type: ignore[untyped-decorator]
def nonzeros(_context: Any, numbers: Any, count: Any) -> Any:
    """The mask of the first `count` ≤ 64 numbers: bit i is set where the i-th is not 0.

    64 of them must be there to be read.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = _address(context, builder, signature.args[0], values[0])
        mask: Any = _i64(0)
        for part in range(BLOCK // LANES):
            vector = _load(builder, start, part)
            found = builder.fcmp_unordered("!=", vector, _vector(None))
            found = builder.zext(builder.bitcast(found, ir.IntType(LANES)), _i64)
            mask = builder.or_(mask, builder.shl(found, _i64(part * LANES)))
        kept = builder.lshr(_i64(-1), builder.sub(_i64(64), values[1]))
        return builder.and_(mask, kept)

    return types.uint64(numbers, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def pack(_context: Any, B: Any, ld: Any, rows: Any, width: Any, panel: Any) -> Any:
    """The first `width` columns of `rows` rows of B, side by side in `panel`, which has whole
    vectors; ld is the distance of two rows of B.
    """

    def emit(builder: Any, values: Any) -> None:
        source, ld, rows, width, panel = values

        def copy(vectors: int) -> None:
            here = _tail(builder, width, vectors)
            with cgutils.for_range(builder, rows, intp=_i64) as loop:
                row = builder.gep(source, [builder.mul(loop.index, ld)])
                into = builder.gep(panel, [builder.mul(loop.index, _i64(vectors * LANES))])
                for v in range(vectors - 1):
                    _store(builder, _load(builder, row, v), into, v)
                last = _load_tail(builder, row, vectors - 1, here)
                _store(builder, last, into, vectors - 1)

        _by_vectors(builder, width, copy)

    i = types.int64
    return types.void(B, i, i, i, panel), _once("pack", emit)


@intrinsic  # type: ignore[untyped-decorator]
def turn(_context: Any, B: Any, ld: Any, panel: Any, pitch: Any) -> Any:
    """The transpose of LANES rows of LANES numbers."""

    def emit(builder: Any, values: Any) -> None:
        source, ld, into, pitch = values
        rows = [
            _load(builder, builder.gep(source, [builder.mul(ld, _i64(i))]), 0) for i in range(LANES)
        ]
        lanes, step = range(LANES), LANES // 2
        while step:  # blocks of step · step change places across the diagonal
            low = [c if not c & step else LANES + c - step for c in lanes]
            high = [c + step if not c & step else LANES + c for c in lanes]
            pick = ir.VectorType(ir.IntType(32), LANES)
            for i in lanes:
                if not i & step:
                    a, b = rows[i], rows[i + step]
                    rows[i] = builder.shuffle_vector(a, b, pick(low))
                    rows[i + step] = builder.shuffle_vector(a, b, pick(high))
            step //= 2
        for i, row in enumerate(rows):
            _store(builder, row, builder.gep(into, [builder.mul(pitch, _i64(i))]), 0)

    return types.void(B, types.int64, panel, types.int64), _once("turn", emit)


@intrinsic  # type: ignore[untyped-decorator]
def accumulate(
    _context: Any,
    rows: Any,
    width: Any,
    masks: Any,
    mask_step: Any,
    S: Any,
    row_step: Any,
    step: Any,
    panel: Any,
    start: Any,
    start_step: Any,
    alpha: Any,
    beta: Any,
    C: Any,
    ld: Any,
) -> Any:
    """C ← α (start + S · panel) + β C, `rows` rows of `width` columns; where β is 0, C is not read.

    Row r has its mask at masks[r · mask_step], its numbers at S[r · row_step + k · step], its start
    at start[r · start_step] and its result at C[r · ld].
    """

    def emit(builder: Any, values: Any) -> None:
        rows, width, masks, mask_step, S, row_step, step, panel, start, start_step = values[:10]
        alpha, beta, C, ld = values[10:]
        keeps = builder.fcmp_unordered("!=", beta, _float(0))
        alpha, beta = _splat(builder, alpha), _splat(builder, beta)

        def fill(vectors: int) -> None:
            here = _tail(builder, width, vectors)
            with cgutils.for_range(builder, rows, intp=_i64) as loop:
                mask = builder.load(builder.gep(masks, [builder.mul(loop.index, mask_step)]))
                numbers = builder.gep(S, [builder.mul(loop.index, row_step)])
                begin = builder.gep(start, [builder.mul(loop.index, start_step)])
                into = builder.gep(C, [builder.mul(loop.index, ld)])
                first = _load_row(builder, begin, vectors, here)
                sums = _sums(builder, vectors, first, mask, numbers, step, panel)
                sums = [builder.fmul(alpha, each) for each in sums]
                with builder.if_else(keeps) as (then, otherwise):
                    with then:
                        old = _load_row(builder, into, vectors, here)
                        _store_row(
                            builder,
                            [
                                _multiply_add(builder, beta, each, more)
                                for each, more in zip(old, sums, strict=True)
                            ],
                            into,
                            here,
                        )
                    with otherwise:
                        _store_row(builder, sums, into, here)

        _by_vectors(builder, width, fill)

    i, f = types.int64, types.float32
    kind = types.void(i, i, masks, i, S, i, i, panel, start, i, f, f, C, i)
    return kind, _once("accumulate", emit)


def _once(name: str, emit: Callable[[Any, Any], None]) -> Callable[..., Any]:
    """How to call what `emit` writes, as a function of its own: with its sizes, it would be many
    times as long to compile where it is called.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        given = [
            _address(context, builder, kind, value) if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, values, strict=True)
        ]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
        function = cgutils.get_or_insert_function(builder.module, kind, f"handstitch_{name}")
        if function.is_declaration:
            function.linkage = "linkonce_odr"
            function.attributes.add("noinline")
            own = ir.IRBuilder(function.append_basic_block())
            emit(own, function.args)
            own.ret_void()
        builder.call(function, given)
        return context.get_dummy_value()

    return generate


def _sums(
    builder: Any, vectors: int, first: list[Any], mask: Any, numbers: Any, step: Any, panel: Any
) -> list[Any]:
    """first + Σ s · (row of the panel), over the set bits of the mask from the lowest on."""
    before = builder.basic_block
    head, body, done = (builder.append_basic_block() for _ in range(3))
    builder.branch(head)
    builder.position_at_end(head)
    left = builder.phi(_i64)
    sums = [builder.phi(_vector) for _ in range(vectors)]
    builder.cbranch(builder.icmp_unsigned("!=", left, _i64(0)), body, done)
    builder.position_at_end(body)
    k = builder.cttz(left, ir.IntType(1)(1))
    s = _splat(builder, builder.load(builder.gep(numbers, [builder.mul(k, step)])))
    row = builder.gep(panel, [builder.mul(k, _i64(vectors * LANES))])
    for v, each in enumerate(sums):
        each.add_incoming(first[v], before)
        each.add_incoming(_multiply_add(builder, s, _load(builder, row, v), each), body)
    left.add_incoming(mask, before)
    left.add_incoming(builder.and_(left, builder.sub(left, _i64(1))), body)
    builder.branch(head)
    builder.position_at_end(done)
    return sums


def _by_vectors(builder: Any, width: Any, emit: Callable[[int], None]) -> None:
    """Code for each number of vectors that `width` columns may fill; any other gets none."""
    done = builder.append_basic_block()
    vectors = builder.udiv(builder.add(width, _i64(LANES - 1)), _i64(LANES))
    switch = builder.switch(vectors, done)
    for count in VECTORS:
        case = builder.append_basic_block()
        switch.add_case(_i64(count), case)
        builder.position_at_end(case)
        emit(count)
        builder.branch(done)
    builder.position_at_end(done)


def _address(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value).data


def _place(builder: Any, start: Any, v: int) -> Any:
    return builder.bitcast(builder.gep(start, [_i64(v * LANES)]), _vector.as_pointer())


def _load(builder: Any, start: Any, v: int) -> Any:
    return builder.load(_place(builder, start, v), align=4)


def _store(builder: Any, vector: Any, start: Any, v: int) -> None:
    builder.store(vector, _place(builder, start, v), align=4)


def _splat(builder: Any, number: Any) -> Any:
    """A vector of LANES times this number."""
    i32 = ir.IntType(32)
    none = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    one = builder.insert_element(none, number, i32(0))
    return builder.shuffle_vector(one, none, ir.VectorType(i32, LANES)(None))


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c, in one instruction where there is one."""
    return builder.fadd(builder.fmul(a, b, flags=["contract"]), c, flags=["contract"])


def _tail(builder: Any, width: Any, vectors: int) -> Any:
    """Which numbers of the last vector are there."""
    count = builder.sub(width, _i64((vectors - 1) * LANES))
    lanes = ir.VectorType(_i64, LANES)(list(range(LANES)))
    return builder.icmp_unsigned("<", lanes, _splat(builder, count))


def _load_tail(builder: Any, start: Any, v: int, here: Any) -> Any:
    place = _place(builder, start, v)
    kind = ir.FunctionType(_vector, [place.type, ir.IntType(32), _bits, _vector])
    masked = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.load.v16f32.p0")
    return builder.call(masked, [place, ir.IntType(32)(4), here, _vector(None)])


def _load_row(builder: Any, start: Any, vectors: int, here: Any) -> list[Any]:
    whole = [_load(builder, start, v) for v in range(vectors - 1)]
    return [*whole, _load_tail(builder, start, vectors - 1, here)]


def _store_row(builder: Any, row: list[Any], start: Any, here: Any) -> None:
    for v, vector in enumerate(row[:-1]):
        _store(builder, vector, start, v)
    place = _place(builder, start, len(row) - 1)
    kind = ir.FunctionType(ir.VoidType(), [_vector, place.type, ir.IntType(32), _bits])
    masked = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.store.v16f32.p0")
    builder.call(masked, [row[-1], place, ir.IntType(32)(4), here])
