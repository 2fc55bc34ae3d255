"""Formulas of core/, compiled for one float32 at a time, and the choice among them by number."""

from __future__ import annotations

from types import FunctionType

import numpy as np
from numba import njit

uncached = njit(nogil=True, error_model="numpy")
"""For closures: their machine code becomes part of what calls them, which has a cache."""


def scalar(formula):
    """`formula`, compiled, with its constants as float32.

    In NumPy a Python number takes the precision of the array; in numba it would be a float64.
    """

    def single(value):
        return np.float32(value) if isinstance(value, float) else value

    code = formula.__code__
    constants = tuple(map(single, code.co_consts))
    names = {name: single(value) for name, value in formula.__globals__.items()}
    return uncached(FunctionType(code.replace(co_consts=constants), names, formula.__name__))


def choice(functions):
    """One compiled function: (number, *arguments) → functions[number](*arguments)."""
    first, *rest = functions
    others = choice(rest) if rest else uncached(lambda number, *arguments: None)

    @uncached
    def chosen(number, *arguments):
        if number == 0:
            first(*arguments)
        else:
            others(number - 1, *arguments)

    return chosen
