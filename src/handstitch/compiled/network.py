"""A batch forward and backward, as one compiled function: to lay beside core/network.py.

Called with arrays and numbers alone. `part` and `parts` say which share of a phase is meant.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from handstitch.compiled.functions import activate, derive, softmax
from handstitch.compiled.jit import PARALLEL, compiled
from handstitch.compiled.matmul import gradient, product, share
from handstitch.compiled.philox import draw


@compiled()
def _gather(images, indices, offset, scale, at, stream, work, lo, hi):
    """Samples lo to hi: X = (pixels − offset) · scale, some silenced."""
    chances, drop, width = work.pixels, at.drop[0], at.sizes[0]
    keep, zero = np.float32(1 / (1 - drop)), np.float32(0)
    if drop > 0:
        draw(stream, lo * width, chances[lo * width : hi * width])
    for i in range(lo, hi):
        row, image = work.X[i * width : (i + 1) * width], images[indices[i]]
        for j in range(width):
            row[j] = (np.float32(image[j]) - offset) * scale
        if drop > 0:
            chance = chances[i * width : (i + 1) * width]
            for j in range(width):
                row[j] = row[j] * keep if chance[j] >= drop else zero


@compiled()
def _forward(n, layer, base, at, theta, stream, work, lo, hi, part):
    """Units lo to hi of a hidden layer: Z = A W + b, A = f(Z), D = A ⊙ mask.

    `base` stands for every pixel beside what is in X: (X + base) W = X W + base · 1ᵀ W.
    """
    inputs, outputs, drop = at.sizes[layer], at.sizes[layer + 1], at.drop[1]
    W, b, first = theta[at.W[layer] + lo :], theta[at.b[layer] + lo :], at.units[layer + 1]
    S = work.X if layer == 0 else work.D[at.units[layer] * n :]
    if layer == 0 and base != 0:
        start = work.start[lo:hi]
        start[:] = 0
        for k in range(inputs):
            row = W[k * outputs : k * outputs + hi - lo]
            for j in range(hi - lo):
                start[j] += row[j]
        for j in range(hi - lo):
            start[j] = base * start[j] + b[j]
        b = work.start[lo:]
    masks, panel, A = work.masks[part], work.panels[part], work.A[first * n + lo :]
    product(n, inputs, S, inputs, W, False, outputs, hi - lo, b, A, outputs, masks, panel)
    keep, zero = np.float32(1 / (1 - drop)), np.float32(0)
    if drop > 0:
        before = n * at.sizes[0] if at.drop[0] > 0 else 0
        start, stop = (first + lo) * n, (first + hi) * n
        draw(stream, before + start, work.chances[start:stop])
    for i in range(n):
        here = slice((first * n + i * outputs) + lo, (first * n + i * outputs) + hi)
        A = work.A[here]
        activate(at.kinds[layer], A)
        if drop > 0:  # the numbers drawn lie unit by unit
            D, M, chance = work.D[here], work.M[here], work.chances[(first + lo) * n + i :]
            for j in range(hi - lo):
                M[j] = keep if chance[j * n] >= drop else zero
                D[j] = A[j] * M[j]


@compiled()
def _loss(n, at, theta, labels, indices, work, part, parts):
    """Loss of each of a part's samples, and whether it was right; P − Y stands where Z stood."""
    lo, hi = n * part // parts, n * (part + 1) // parts
    layer = len(at.W) - 1
    inputs, classes = at.sizes[layer], at.sizes[layer + 1]
    W, b = theta[at.W[layer] :], theta[at.b[layer] :]
    D = work.D[at.units[layer] * n + lo * inputs :]
    Z, masks, panel = work.top[lo * classes :], work.masks[part], work.panels[part]
    product(hi - lo, inputs, D, inputs, W, False, classes, classes, b, Z, classes, masks, panel)
    for i in range(lo, hi):
        Z, y = work.top[i * classes : (i + 1) * classes], labels[indices[i]]
        loss = -np.float64(Z[y])
        top, log_sum = softmax(Z, Z)
        work.losses[i], work.hits[i] = loss + log_sum, top == y
        Z[y] -= np.float32(1)


@compiled()
def _backward(n, layer, base, at, theta, into, work, lo, hi, part):
    """Inputs lo to hi of a layer, and the biases and, of the first one, the weights below them.

    dA = dZ Wᵀ;  W ← α Dᵀ dZ + β W, of these rows;  dZ = dA ⊙ mask ⊙ f′;  b ← α 1ᵀ dZ + β b
    """
    inputs, outputs, count = at.sizes[layer], at.sizes[layer + 1], hi - lo
    below, first, rows = layer - 1, at.units[layer] * n, at.W[layer] + lo * outputs
    zeros, masks, panel = work.zeros, work.masks[part], work.panels[part]
    dZ = work.top if layer == len(at.W) - 1 else work.dZ[at.units[layer + 1] * n :]
    dA, D, W, G = work.dZ[first + lo :], work.D[first + lo :], theta[rows:], into.vector[rows:]
    product(n, outputs, dZ, outputs, W, True, outputs, count, zeros, dA, inputs, masks, panel)
    gradient(n, count, D, inputs, dZ, outputs, outputs, zeros, into, G, outputs, work, part)
    sums = work.start[at.units[layer] + lo : at.units[layer] + hi]
    sums[:] = 0
    for i in range(n):
        here = slice(first + i * inputs + lo, first + i * inputs + hi)
        dZ, M = work.dZ[here], work.M[here]
        if at.drop[1] > 0:
            for j in range(count):
                dZ[j] *= M[j]
        derive(at.kinds[below], dZ, work.A[here])
        for j in range(count):
            sums[j] += dZ[j]
    alpha, beta = np.float32(into.alpha), np.float32(into.beta_biases)
    b = into.vector[at.b[below] + lo : at.b[below] + hi]
    for j in range(count):
        b[j] = alpha * sums[j] + (beta * b[j] if beta else 0)
    if below == 0:
        pixels, start, G = at.sizes[0], work.zeros, into.vector[at.W[0] + lo :]
        if base != 0:
            for j in range(count):
                sums[j] *= base
            start = work.start[lo:]
        gradient(n, pixels, work.X, pixels, dA, inputs, count, start, into, G, inputs, work, part)


@compiled()
def _top_bias(n, at, into, work):
    """b ← α 1ᵀ dZ + β b of the last layer."""
    classes, b = at.sizes[-1], at.b[-1]
    for j in range(classes):
        total = np.float32(0)
        for i in range(n):
            total += work.top[i * classes + j]
        old = into.beta_biases * into.vector[b + j] if into.beta_biases else 0.0
        into.vector[b + j] = into.alpha * total + old


@compiled(parallel=PARALLEL)
def step(
    parts, n, images, labels, indices, offset, scale, base, limit, at, theta, stream, into, work
):
    """Gather, forward, loss, backward: (loss, hits). Where the loss is above `limit`, or none,
    θ and the target are as before.
    """
    layers, sizes = len(at.W), at.sizes
    for index in prange(parts):
        part = np.int64(
            index
        )  # it counts without a sign, and all would be compiled once more for that
        lo, hi = n * part // parts, n * (part + 1) // parts
        _gather(images, indices, offset, scale, at, stream, work, lo, hi)
    for layer in range(layers - 1):
        for index in prange(parts):
            part = np.int64(index)
            lo, hi = share(sizes[layer + 1], part, parts)
            _forward(n, layer, base, at, theta, stream, work, lo, hi, part)
    for index in prange(parts):
        _loss(n, at, theta, labels, indices, work, np.int64(index), parts)
    loss, hits = _total(work.losses[:n]), _total(work.hits[:n])
    if not loss <= limit:
        return loss, hits
    for back in range(layers - 1):
        layer = layers - 1 - back
        for index in prange(parts):
            part = np.int64(index)
            lo, hi = share(sizes[layer], part, parts)
            _backward(n, layer, base, at, theta, into, work, lo, hi, part)
    _top_bias(n, at, into, work)
    return loss, hits


@compiled()
def _total(numbers):
    """One after the other, so that no split of the work is seen in it."""
    total = numbers[0]
    for number in numbers[1:]:
        total += number
    return total
