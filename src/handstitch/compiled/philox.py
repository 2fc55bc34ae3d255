"""NumPy's Philox generator, compiled: the uniform numbers of dropout, from any position on.

Philox (Salmon et al., SC'11) makes each block of its stream from a counter and a key alone, so that
every thread draws what it needs. A block has four words, and each half of a word makes one float32.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from handstitch.compiled.jit import compiled

_PER_BLOCK: Final = 8
_ROUNDS: Final = 10
_FACTOR_0, _FACTOR_1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_STEP_0, _STEP_1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)


def philox_state(rng: np.random.Generator | None) -> NDArray[np.uint64]:
    """Counter and key (6,) of an unused Philox generator; zeros for None."""
    if rng is None:
        return np.zeros(6, np.uint64)
    state = rng.bit_generator.state
    if state["bit_generator"] != "Philox" or state["buffer_pos"] != 4 or state["has_uint32"]:
        raise ValueError("an unused Philox generator is wanted")
    return np.concatenate([state["state"]["counter"], state["state"]["key"]])


@intrinsic
def _high(_context: Any, a: Any, b: Any) -> Any:
    """The upper 64 bits of a · b."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(value, wide) for value in values))
        return builder.trunc(builder.lshr(product, wide(64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@compiled()
def draw(state, first, uniforms):
    """uniforms ← float32 in [0, 1): the generator's numbers, from number `first` on."""
    done = 0
    while done < uniforms.size:
        index = first + done
        c0 = state[0] + np.uint64(1 + index // _PER_BLOCK)  # NumPy increments, then draws
        c1, c2, c3, k0, k1 = state[1], state[2], state[3], state[4], state[5]
        for _ in range(_ROUNDS):
            high_0, low_0 = _high(_FACTOR_0, c0), _FACTOR_0 * c0
            high_1, low_1 = _high(_FACTOR_1, c2), _FACTOR_1 * c2
            c0, c1, c2, c3 = high_1 ^ c1 ^ k0, low_1, high_0 ^ c3 ^ k1, low_0
            k0, k1 = k0 + _STEP_0, k1 + _STEP_1
        begin = index % _PER_BLOCK
        for half in range(begin, min(_PER_BLOCK, begin + uniforms.size - done)):
            word = c0 if half < 2 else c1 if half < 4 else c2 if half < 6 else c3
            upper = word >> np.uint64(40) if half % 2 else word >> np.uint64(8)
            uniforms[done] = np.float32(np.int64(upper & np.uint64(0xFFFFFF))) * np.float32(2**-24)
            done += 1
