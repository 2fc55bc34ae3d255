"""The forward pass of one image and of many, compiled, for a network that stays as it is."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import prange

from handstitch.compiled.functions import activate, softmax
from handstitch.compiled.jit import PARALLEL, compiled
from handstitch.compiled.matmul import product, row, share

ROWS: Final = 128
"""Images taken at a time: as many as find room in the cache beside the weights."""
_SMALL: Final = 30_000
"""Weights of a layer that one thread is done with before a second has begun."""


@compiled(parallel=PARALLEL)
def one(parts, pixels, at, theta, x, A, places, P):
    """P ← softmax(logits) of one image; x (inputs,), A (all units,) and places are overwritten."""
    for j in range(x.size):
        x[j] = pixels[j]
    below, start, layers = x, 0, len(at.W)
    for layer in range(layers):
        outputs = at.sizes[layer + 1]
        W, b, y = theta[at.W[layer] :], theta[at.b[layer] :], A[start : start + outputs]
        if below.size * outputs < _SMALL:
            row(below, W, outputs, 0, outputs, b, y, places[0])
        else:
            for index in prange(parts):
                part = np.int64(index)
                lo, hi = share(outputs, part, parts)
                row(below, W, outputs, lo, hi, b, y, places[part])
        if layer < layers - 1:
            activate(at.kinds[layer], y)
        below, start = y, start + outputs
    softmax(below, P)


@compiled(parallel=PARALLEL)
def many(parts, images, at, theta, work, wants_logits, P):
    """P (n, classes) of images (n, inputs), or their logits: each part has its own to the end."""
    n = len(images)
    for index in prange(parts):
        part = np.int64(index)
        lo, hi = n * part // parts, n * (part + 1) // parts
        _classify(images, at, theta, work, part, wants_logits, P, lo, hi)


@compiled()
def _classify(images, at, theta, work, part, wants_logits, P, lo, hi):
    """Images lo to hi."""
    layers, masks, panel = len(at.W), work.masks[part], work.panels[part]
    for first in range(lo, hi, ROWS):
        n, depth, S, start = min(ROWS, hi - first), at.sizes[0], work.X[part], 0
        for i in range(n):
            image = images[first + i]
            for j in range(depth):
                S[i * depth + j] = image[j]
        for layer in range(layers):
            outputs = at.sizes[layer + 1]
            W, b, Z = theta[at.W[layer] :], theta[at.b[layer] :], work.A[part][start:]
            product(n, depth, S, depth, W, False, outputs, outputs, b, Z, outputs, masks, panel)
            if layer < layers - 1:
                activate(at.kinds[layer], Z[: n * outputs])
            S, depth, start = Z, outputs, start + n * outputs
        for i in range(n):
            Z, to = S[i * depth : (i + 1) * depth], P[first + i]
            for j in range(depth):
                to[j] = Z[j]
            if not wants_logits:
                softmax(Z, to)


@compiled()
def loss_and_hits(Z, labels):
    """The summed cross-entropy of logits (n, classes), which are overwritten, and how many are
    right.
    """
    loss, hits = 0.0, 0
    for i in range(len(Z)):
        y = labels[i]
        loss -= np.float64(Z[i, y])
        top, log_sum = softmax(Z[i], Z[i])
        loss += log_sum
        hits += top == y
    return loss, hits
