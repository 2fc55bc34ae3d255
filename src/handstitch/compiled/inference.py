"""The forward pass of one image and of many, compiled, for a network that no longer changes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import prange

from handstitch.compiled import windows
from handstitch.compiled.functions import activate, softmax
from handstitch.compiled.jit import PARALLEL, compiled
from handstitch.compiled.matmul import matmul_sparse, matvec_sparse, thread_range

ROWS: Final = 128
"""Images taken at a time: as many as fit into the cache beside the weights."""
_SERIAL: Final = 30_000
"""Weights of a layer that one thread reads faster than a second one starts."""


@compiled(parallel=PARALLEL)
def classify_one(threads, pixels, offset, scale, layout, theta, x, A, positions, P):
    """P (classes,) of one image.

    Features are scaled here; of pixels offset and scale are empty, and part of θ. x (inputs,),
    A (all units,) and positions (threads, widest layer) are overwritten.
    """
    _copy_scaled(pixels, offset, scale, x)
    below, start, layers = x, 0, len(layout.W)
    for layer in range(layers):
        outputs = layout.sizes[layer + 1]
        W, b, Z = theta[layout.W[layer] :], theta[layout.b[layer] :], A[start : start + outputs]
        if below.size * outputs < _SERIAL:
            _product_of_one(layout, layer, below, W, b, Z, positions[0], 0, outputs)
        else:
            for index in prange(threads):
                thread = np.int64(index)
                lo, hi = thread_range(outputs, thread, threads)
                _product_of_one(layout, layer, below, W, b, Z, positions[thread], lo, hi)
        if layer < layers - 1:
            activate(layout.activation_ids[layer], Z)
        below, start = Z, start + outputs
    softmax(below, P)


@compiled(parallel=PARALLEL)
def classify_many(threads, images, offset, scale, layout, theta, work, wants_logits, P):
    """P (n, classes) of images (n, inputs), or their logits."""
    n = len(images)
    for index in prange(threads):
        thread = np.int64(index)
        lo, hi = n * thread // threads, n * (thread + 1) // threads
        _classify(images, offset, scale, layout, theta, work, thread, wants_logits, P, lo, hi)


@compiled()
def _copy_scaled(pixels, offset, scale, x):
    """x ← (pixels − offset) · scale, or the pixels alone where these are empty."""
    if len(scale):
        for j in range(x.size):
            x[j] = (pixels[j] - offset[j]) * scale[j]
    else:
        for j in range(x.size):
            x[j] = pixels[j]


@compiled()
def _product_of_one(layout, layer, x, W, b, y, positions, lo, hi):
    """Units lo to hi of y ← x W + b, for one image."""
    if layer == 0 and layout.window_pixels.size > 0:
        windows.forward_one(layout, x, W, b, y, lo, hi)
    else:
        matvec_sparse(x, W, y.size, lo, hi, b, y, positions)


@compiled()
def _classify(images, offset, scale, layout, theta, work, thread, wants_logits, P, lo, hi):
    """P of images lo to hi, or their logits."""
    layers, masks, panel = len(layout.W), work.nonzero_masks[thread], work.panels[thread]
    rounded = np.empty(0, np.uint32)
    for first in range(lo, hi, ROWS):
        n, depth, S, start = min(ROWS, hi - first), layout.sizes[0], work.X[thread], 0
        for i in range(n):
            _copy_scaled(images[first + i], offset, scale, S[i * depth : (i + 1) * depth])
        for layer in range(layers):
            width, Z = layout.sizes[layer + 1], work.outputs[thread][start:]
            W, b = theta[layout.W[layer] :], theta[layout.b[layer] :]
            if layer == 0 and layout.window_pixels.size > 0:
                tiles, one, zero = work.tiles[thread], np.float32(1), np.float32(0)
                windows.turn(n, depth, S, tiles, 0, n)
                windows.forward(
                    n, depth, width, one, zero, layout, tiles, W, b, Z, 0, width,
                    work.turned[thread],
                )  # fmt: skip
            else:
                matmul_sparse(
                    n, depth, S, depth, W, False, width, width, b, Z, width, masks, panel, rounded
                )
            if layer < layers - 1:
                activate(layout.activation_ids[layer], Z[: n * width])
            S, depth, start = Z, width, start + n * width
        for i in range(n):
            Z, to = S[i * depth : (i + 1) * depth], P[first + i]
            if wants_logits:
                to[:] = Z
            else:
                softmax(Z, to)


@compiled()
def loss_and_correct(Z, labels, loss):
    """(`loss` + summed cross-entropy, correct samples) of logits Z (n, classes), which are
    overwritten.
    """
    correct = 0
    if len(labels) != len(Z):
        raise IndexError("a label for each image is wanted")
    for i in range(len(Z)):
        y = labels[i]
        if not 0 <= y < Z.shape[1]:
            raise IndexError("no such class")
        loss -= np.float64(Z[i, y])
        predicted, log_sum = softmax(Z[i], Z[i])
        loss += log_sum
        correct += predicted == y
    return loss, correct
