"""Products read nothing behind their operands: these end where a protected page begins."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, mmap, sys
import numpy as np
from handstitch.compiled import layout, matmul, panels, windows
from handstitch.compiled.availability import bfloat16_unit
from handstitch.compiled.bfloat16 import FORMATS
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.receptive_fields import ReceptiveFields
from handstitch.compiled.kernels import MASK_BITS
from handstitch.compiled.optimizers import Target

def before_a_protected_page(values):
    memory = mmap.mmap(-1, (-(-values.nbytes // mmap.PAGESIZE) + 1) * mmap.PAGESIZE)
    first = np.frombuffer(memory, np.uint8).ctypes.data
    end = len(memory) - mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mprotect(ctypes.c_void_p(first + end), mmap.PAGESIZE, 0) == 0
    array = np.frombuffer(memory, values.dtype, values.size, end - values.nbytes)
    array[:] = values
    return array

none = np.zeros(0, np.float32)
empty = layout.Buffers(**dict.fromkeys(layout.Buffers._fields, none))
empty = empty._replace(losses=np.empty(0), is_correct=np.empty(0, np.int64))

for kind in {FORMATS[None], FORMATS[bfloat16_unit()]}:
    for depth in (1, 15, 16, 17, 63, 64, 65, 130):
        for width in (1, 15, 16, 17, 33, 127, 129):
            S = np.ones((6, depth), np.float32)
            S[5] = 0
            B = np.arange(depth * width, dtype=np.float32).reshape(depth, width) % 7
            masks = np.empty((1, matmul.MASKS), np.uint64)
            buffers = np.zeros((1, matmul.PANELS), kind)
            rounded = np.zeros((1, panels.rounded_size(depth, max(depth, width))), kind)
            initial, behind = np.zeros(width, np.float32), np.zeros(MASK_BITS, np.float32)
            for transposed in (False, True):
                C = before_a_protected_page(np.zeros(6 * width, np.float32))
                flat = before_a_protected_page((B.T if transposed else B).ravel())
                matmul.matmul_sparse(
                    6, depth, np.append(S.ravel(), behind), depth, flat, transposed,
                    depth if transposed else width, width, initial, C, width, masks[0], buffers[0],
                    rounded[0],
                )
                np.testing.assert_array_equal(C.reshape(6, width), S @ B)
            G = before_a_protected_page(np.zeros(6 * width, np.float32))
            S, flat = before_a_protected_page(S.T.ravel()), before_a_protected_page(B.ravel())
            turned = np.zeros((1, matmul.TURNED), kind)
            work = empty._replace(nonzero_masks=masks, panels=buffers, turned=turned)
            work = work._replace(zeros=before_a_protected_page(initial), rounded=rounded)
            into = Target(G, 1.0, 0.0, 0.0, -1, none, False, False, none, none, none)
            matmul.matmul_sparse_transposed(
                depth, 6, S, 6, flat, width, width, initial, into, 0, width, False, work, 0
            )
            np.testing.assert_array_equal(G.reshape(6, width), S.reshape(depth, 6).T @ B)

rng = np.random.default_rng(0)
one, zero = np.float32(1), np.float32(0)
for n in (1, 31, 32, 100):
    for units, group in ((1, 1), (15, 1), (16, 1), (17, 1), (65, 1), (16, 16), (65, 16), (20, 3)):
        fields = ReceptiveFields.draw((5, 6), units, (1, 4), rng, group)
        parameters = Parameters.random((30, units, 2), rng, mask=fields.mask)
        places = layout.layout_of(Network(parameters, ("relu",), receptive_fields=fields))
        X = rng.integers(0, 256, (n, 30)).astype(np.float32)
        dZ = rng.standard_normal((n, units)).astype(np.float32)
        unit = np.repeat(np.arange(units), np.diff(places.window_starts))
        W, pixels = parameters.weights[0], places.window_pixels
        flat = before_a_protected_page(W[pixels, unit])
        places = places._replace(
            window_pixels=before_a_protected_page(pixels),
            window_starts=before_a_protected_page(places.window_starts),
            window_shared=before_a_protected_page(places.window_shared),
        )
        tiles = before_a_protected_page(np.full(windows.tiles_size(n, 30), np.nan, np.float32))
        turned = before_a_protected_page(np.full(windows.turned_size(n), np.nan, np.float32))
        Z = before_a_protected_page(np.full(n * units, np.nan, np.float32))
        b = before_a_protected_page(np.ones(units, np.float32))
        windows.turn(n, 30, before_a_protected_page(X.ravel()), tiles, 0, n)
        windows.forward(n, 30, units, one, zero, places, tiles, flat, b, Z, 0, units, turned)
        np.testing.assert_allclose(Z.reshape(n, units), X @ W + 1, rtol=1e-3, atol=1e-2)
        G = before_a_protected_page(np.full(flat.size, np.nan, np.float32))
        initial = before_a_protected_page(np.zeros(units, np.float32))
        flat_dZ = before_a_protected_page(dZ.ravel())
        windows.backward(
            n, 30, units, one, initial, places, tiles, flat_dZ, zero, G, 0, units, turned
        )
        np.testing.assert_allclose(G, (X.T @ dZ)[pixels, unit], rtol=1e-3, atol=1e-1)
print("read")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no mprotect")
def test_nothing_behind_the_operands_is_read():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr
