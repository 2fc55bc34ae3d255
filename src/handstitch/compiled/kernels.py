"""Matrix products that skip the zeros of one factor, for compiled code.

Half of the pixels of Fashion-MNIST are 0, and ReLU silences half of the units.
C ← α S B + β C is computed row by row: for every number s of a row of S that is not 0, s · (a row
of B) is added to as many columns of C as fit into the processor's registers. S is read where it
lies in memory, with a mask of 64 bits for each 64 numbers that says which of them are not 0; the
columns of B are first packed side by side into a panel (`pack`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from handstitch.compiled.simd import (
    FLOAT,
    I64,
    LANES,
    VECTOR,
    address,
    broadcast,
    fma,
    load,
    load_row,
    outlined,
    store,
    store_row,
    tail_mask,
)

PANEL_VECTORS: Final = (8, 4, 2, 1) if get_host_cpu_features().get("avx512f") else (6, 4, 2, 1)
"""Vectors that a row of a panel may have: as many sums are kept in registers at once."""
PANEL_WIDTH: Final = PANEL_VECTORS[0] * LANES
"""Columns of the widest panel."""
MASK_BITS: Final = 64
"""Rows of B in a packed panel: as many as a mask has bits."""


@intrinsic  # type: ignore[untyped-decorator]
def nonzero_mask(_context: Any, numbers: Any, count: Any) -> Any:
    """Σ 2ⁱ over the numbers i < `count` ≤ 64 that are not 0.

    All 64 must be readable, whatever `count`.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = address(context, builder, signature.args[0], values[0])
        mask: Any = I64(0)
        for v in range(MASK_BITS // LANES):
            found = builder.fcmp_unordered("!=", load(builder, start, v), VECTOR(None))
            found = builder.zext(builder.bitcast(found, ir.IntType(LANES)), I64)
            mask = builder.or_(mask, builder.shl(found, I64(v * LANES)))
        kept = builder.lshr(I64(-1), builder.sub(I64(64), values[1]))
        return builder.and_(mask, kept)

    return types.uint64(numbers, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def pack(_context: Any, B: Any, ld: Any, rows: Any, width: Any, panel: Any) -> Any:
    """panel ← the first `width` columns of `rows` rows of B, padded with 0 to whole vectors.

    ld is the distance of two rows of B.
    """

    def emit(builder: Any, values: Any) -> None:
        source, ld, rows, width, panel = values

        def copy(vectors: int) -> None:
            tail = tail_mask(builder, width, vectors)
            with cgutils.for_range(builder, rows, intp=I64) as loop:
                row = builder.gep(source, [builder.mul(loop.index, ld)])
                into = builder.gep(panel, [builder.mul(loop.index, I64(vectors * LANES))])
                for v, vector in enumerate(load_row(builder, row, vectors, tail)):
                    store(builder, vector, into, v)

        _for_each_width(builder, width, copy)

    i = types.int64
    return types.void(B, i, i, i, panel), outlined("pack", emit)


@intrinsic  # type: ignore[untyped-decorator]
def transpose16(_context: Any, B: Any, ld: Any, panel: Any, pitch: Any) -> Any:
    """panel ← Bᵀ, of 16 rows of 16 numbers; ld and pitch are the distances of two rows."""

    def emit(builder: Any, values: Any) -> None:
        source, ld, into, pitch = values
        rows = [
            load(builder, builder.gep(source, [builder.mul(ld, I64(i))]), 0) for i in range(LANES)
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
            store(builder, row, builder.gep(into, [builder.mul(pitch, I64(i))]), 0)

    return types.void(B, types.int64, panel, types.int64), outlined("transpose16", emit)


@intrinsic  # type: ignore[untyped-decorator]
def masked_gemm_panel(
    _context: Any,
    rows: Any,
    width: Any,
    masks: Any,
    mask_step: Any,
    S: Any,
    row_step: Any,
    step: Any,
    panel: Any,
    initial: Any,
    initial_step: Any,
    alpha: Any,
    beta: Any,
    C: Any,
    ld: Any,
) -> Any:
    """C ← α (initial + S panel) + β C, `rows` rows of `width` columns; with β = 0 C is not read.

    Row r has its mask at masks[r · mask_step], its numbers at S[r · row_step + k · step], its
    initial sums at initial[r · initial_step] and its result at C[r · ld].
    """

    def emit(builder: Any, values: Any) -> None:
        rows, width, masks, mask_step, S, row_step, step, panel = values[:8]
        initial, initial_step, alpha, beta, C, ld = values[8:]
        adds = builder.fcmp_unordered("!=", beta, FLOAT(0))
        alpha, beta = broadcast(builder, alpha), broadcast(builder, beta)

        def fill(vectors: int) -> None:
            tail = tail_mask(builder, width, vectors)
            with cgutils.for_range(builder, rows, intp=I64) as loop:
                mask = builder.load(builder.gep(masks, [builder.mul(loop.index, mask_step)]))
                numbers = builder.gep(S, [builder.mul(loop.index, row_step)])
                begin = builder.gep(initial, [builder.mul(loop.index, initial_step)])
                into = builder.gep(C, [builder.mul(loop.index, ld)])
                first = load_row(builder, begin, vectors, tail)
                sums = _sums(builder, vectors, first, mask, numbers, step, panel)
                sums = [builder.fmul(alpha, vector) for vector in sums]
                with builder.if_else(adds) as (then, otherwise):
                    with then:
                        old = zip(load_row(builder, into, vectors, tail), sums, strict=True)
                        row = [fma(builder, beta, before, vector) for before, vector in old]
                        store_row(builder, row, into, tail)
                    with otherwise:
                        store_row(builder, sums, into, tail)

        _for_each_width(builder, width, fill)

    i, f = types.int64, types.float32
    signature = types.void(i, i, masks, i, S, i, i, panel, initial, i, f, f, C, i)
    return signature, outlined("masked_gemm_panel", emit)


def _sums(
    builder: Any, vectors: int, first: list[Any], mask: Any, numbers: Any, step: Any, panel: Any
) -> list[Any]:
    """first + Σ s · (row of the panel), over the set bits of the mask from the lowest up."""
    before = builder.basic_block
    head, body, done = (builder.append_basic_block() for _ in range(3))
    builder.branch(head)
    builder.position_at_end(head)
    left = builder.phi(I64)
    sums = [builder.phi(VECTOR) for _ in range(vectors)]
    builder.cbranch(builder.icmp_unsigned("!=", left, I64(0)), body, done)
    builder.position_at_end(body)
    k = builder.cttz(left, ir.IntType(1)(1))
    s = broadcast(builder, builder.load(builder.gep(numbers, [builder.mul(k, step)])))
    row = builder.gep(panel, [builder.mul(k, I64(vectors * LANES))])
    for v, vector in enumerate(sums):
        vector.add_incoming(first[v], before)
        vector.add_incoming(fma(builder, s, load(builder, row, v), vector), body)
    left.add_incoming(mask, before)
    left.add_incoming(builder.and_(left, builder.sub(left, I64(1))), body)
    builder.branch(head)
    builder.position_at_end(done)
    return sums


def _for_each_width(builder: Any, width: Any, emit: Callable[[int], None]) -> None:
    """Code for every width of a panel: `emit` with its number of vectors, under a switch."""
    done = builder.append_basic_block()
    vectors = builder.udiv(builder.add(width, I64(LANES - 1)), I64(LANES))
    switch = builder.switch(vectors, done)
    for count in PANEL_VECTORS:
        case = builder.append_basic_block()
        switch.add_case(I64(count), case)
        builder.position_at_end(case)
        emit(count)
        builder.branch(done)
    builder.position_at_end(done)
