"""How everything here is compiled."""

from __future__ import annotations

from typing import Any, Final

FAST: Final[dict[str, Any]] = {"cache": True, "nogil": True, "error_model": "numpy"}
# Loops that say so, and nothing else.
PARALLEL: Final = {"prange": True} | dict.fromkeys(
    ("comprehension", "fusion", "inplace_binop", "numpy", "reduction", "setitem", "stencil"), False
)
# a·b + c may be one instruction; only sums that say so may be taken in another order.
FUSED: Final = {"contract"}
REORDERED: Final = {"contract", "reassoc", "nsz"}
