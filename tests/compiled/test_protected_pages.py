"""Products read nothing behind B: it ends where a protected page begins."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, mmap, sys
import numpy as np
from handstitch.compiled import matmul
from handstitch.compiled.kernels import MASK_BITS, PANEL_WIDTH

def before_a_protected_page(values):
    memory = mmap.mmap(-1, (-(-values.nbytes // mmap.PAGESIZE) + 1) * mmap.PAGESIZE)
    first = np.frombuffer(memory, np.uint8).ctypes.data
    end = len(memory) - mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mprotect(ctypes.c_void_p(first + end), mmap.PAGESIZE, 0) == 0
    array = np.frombuffer(memory, np.float32, values.size, end - values.nbytes)
    array[:] = values
    return array

for depth in (1, 15, 16, 17, 63, 64, 65, 130):
    for width in (1, 15, 16, 17, 33, 127, 129):
        S = np.ones((2, depth), np.float32)
        B = np.arange(depth * width, dtype=np.float32).reshape(depth, width) % 7
        masks = np.empty(2 * (depth // MASK_BITS + 1), np.uint64)
        panel = np.zeros(MASK_BITS * PANEL_WIDTH, np.float32)
        initial, behind = np.zeros(width, np.float32), np.zeros(MASK_BITS, np.float32)
        for transposed in (False, True):
            C = np.zeros(2 * width, np.float32)
            flat = before_a_protected_page((B.T if transposed else B).ravel())
            matmul.matmul_sparse(
                2, depth, np.append(S.ravel(), behind), depth, flat, transposed,
                depth if transposed else width, width, initial, C, width, masks, panel,
            )
            np.testing.assert_array_equal(C.reshape(2, width), S @ B)
print("read")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no mprotect")
def test_nothing_behind_b_is_read():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr
