"""Products of pairs of bfloat16 in tiles (AMX): eight registers of 16 rows with 16 lanes each.

Tiles 0 to 3 hold 32 × 32 sums; 4 and 5 hold 16 pairs of 32 rows of S, 6 and 7 so many rows of a
panel. Of each tile the products with the lower and with the upper numbers of the pairs are added
apart, and their sum is added to the tile of sums: not the order of the vector unit.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache
from itertools import product
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from handstitch.compiled.jit import FEATURES, compiled
from handstitch.compiled.simd import I64, LANES, element, fill, fma, load, outlined, store, word

_SIDE: Final = 2 * LANES
"""Rows and columns of sums."""
_STEPS: Final = 4
"""Tiles along 64 pairs."""
_REQUEST, _TILE_DATA = (158, 0x1023), 18
"""arch_prctl(ARCH_REQ_XCOMP_PERM), and the state that Linux gives to those who ask for it."""
_I8, _VOID = ir.IntType(8), ir.VoidType()


def _configuration() -> Any:
    """64 bytes: palette 1; of each tile the bytes in a row, and its rows."""
    config = np.zeros(64, np.uint8)
    config[0], config[16:32:2], config[48:56] = 1, 4 * LANES, LANES
    return config


_CONFIGURATION: Final = _configuration()


@cache
def are_allowed() -> bool:
    """Whether numba makes code with tiles, and Linux lets this process use them."""
    wanted = {"+amx-tile", "+amx-bf16", "+avx512bf16"}
    if not wanted <= set(FEATURES.split(",")) or sys.platform != "linux":
        return False
    if platform.machine() != "x86_64":
        return False
    refused: int = ctypes.CDLL(None).syscall(*_REQUEST, _TILE_DATA)
    return refused == 0


def _call(builder: Any, name: str, *arguments: Any) -> None:
    kind = ir.FunctionType(_VOID, [argument.type for argument in arguments])
    builder.call(
        cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), arguments
    )


def _tile(builder: Any, name: str, number: int, start: Any, at: Any, ld: Any) -> None:
    """Load or store a tile: rows from start[at] on, at a distance of ld."""
    place = builder.bitcast(builder.gep(start, [at]), _I8.as_pointer())
    _call(builder, name, _I8(number), place, builder.mul(ld, I64(4)))


@word(types.void)
def _configure(builder: Any, start: Any) -> None:
    _call(builder, "ldtilecfg", builder.bitcast(start, _I8.as_pointer()))


@word(types.void)
def _release(builder: Any) -> None:
    _call(builder, "tilerelease")


@word(types.void)
def _clear(builder: Any) -> None:
    for number in range(4):
        _call(builder, "tilezero", _I8(number))


@word(
    lambda S, _at, _ld, panel, _to, _pitch, n: types.void(
        S, types.int64, types.int64, panel, types.int64, types.int64, n
    )
)
def _add(builder: Any, S: Any, at: Any, ld: Any, panel: Any, to: Any, pitch: Any, n: int) -> None:
    """32 × 16 pairs of S times 16 × 16 n pairs of a panel, added to the sums."""
    below = builder.add(at, builder.mul(ld, I64(LANES)))
    for number, begin in ((4, at), (5, below)):
        _tile(builder, "tileloadd64", number, S, begin, ld)
    for column in range(n):
        begin = builder.add(to, I64(column * LANES))
        _tile(builder, "tileloadd64", 6 + column, panel, begin, pitch)
        for row in range(2):
            sums = _I8(2 * row + column)
            _call(builder, "tdpbf16ps", sums, _I8(4 + row), _I8(6 + column))


@word(types.void)
def _multiply(builder: Any) -> None:
    """As `_add`, of the tiles as they are."""
    for row, column in product(range(2), range(2)):
        _call(builder, "tdpbf16ps", _I8(2 * row + column), _I8(4 + row), _I8(6 + column))


@compiled()
def multiply_registers(rounds):
    """So many rounds of 32 × 16 pairs times 16 × 32, which are 0; gives their multiplications."""
    _configure(_CONFIGURATION)
    for _ in range(rounds):
        _multiply()
    _release()
    return rounds * _SIDE * _SIDE * 2 * LANES


@word(types.void)
def _store(builder: Any, sums: Any) -> None:
    """sums (32, 32) ← the four tiles."""
    for number in range(4):
        at = I64(number // 2 * LANES * _SIDE + number % 2 * LANES)
        _tile(builder, "tilestored64", number, sums, at, I64(_SIDE))


@compiled()
def multiply_panel(
    panel, rows, width, masks, mask_step, is_finite, S, row_step, step, first, first_step,
    alpha, beta, C, ld,
):  # fmt: skip
    """`kernels.masked_gemm_panel` of pairs that follow each other in S.

    Passed over are 16 pairs at a time which are 0 in 32 rows. Whole tiles are read: of S up to 31
    rows more, and up to 15 pairs that are 0 in both S and the panel.
    """
    outlined()
    pitch, sums = (width + LANES - 1) // LANES * LANES, np.empty(_SIDE * _SIDE, np.float32)
    zeros = fill(np.float32(0), 2)
    _configure(_CONFIGURATION)
    for r in range(0, rows, _SIDE):
        end, union = min(r + _SIDE, rows), np.uint64(0)
        for i in range(r, end):
            union |= element(masks, i * mask_step)
        for j in range(0, pitch, _SIDE):
            _clear()
            for tile in range(_STEPS):
                k = tile * LANES
                if (union >> np.uint64(k)) & np.uint64(2**LANES - 1):
                    at = r * row_step + k
                    if pitch - j > LANES:
                        _add(S, at, row_step, panel, k * pitch + j, pitch, 2)
                    else:
                        _add(S, at, row_step, panel, k * pitch + j, pitch, 1)
            _store(sums)
            for i in range(r, end):
                row = load(sums, (i - r) * _SIDE, 2, _SIDE)
                row = fma(np.float32(1), load(first, i * first_step + j, 2, width - j), row)
                row = fma(alpha, row, zeros)  # + 0 makes 0 of −0
                if beta != 0:
                    row = fma(beta, load(C, i * ld + j, 2, width - j), row)
                store(C, i * ld + j, row, width - j)
    _release()
