"""A plugin of pytest: tile instructions are emulated by the library that AMX_LIBRARY names.

The processor does not have them; `test_tiles.py` starts this in a process of its own, in which
numba makes code with them all the same.
"""

from __future__ import annotations

import ctypes
import os

import pytest

from handstitch.compiled import tiles

_LIBRARY = ctypes.CDLL(os.environ["AMX_LIBRARY"])
_LIBRARY.amx_count.restype = ctypes.c_long
_LIBRARY.amx_install()
tiles.are_allowed = lambda: True  # type: ignore[assignment]


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many instructions were emulated."""
    names = ("ldtilecfg", "tileloadd", "tdpbf16ps", "tilestored", "tilerelease")
    for number, name in enumerate(names):
        terminalreporter.write_line(f"{name}: {_LIBRARY.amx_count(number)}")
