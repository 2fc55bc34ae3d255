"""A batch forward and backward, and one image forward: each a compiled function.

They are in one file with all that they call, since numba makes anew what it keeps on disk when the
function's own file changes, not when another does.

Called with arrays and numbers alone. `part` and `parts` say which share of a phase is meant.
"""

from __future__ import annotations

from math import exp, expm1, log, tanh
from typing import Final

import numpy as np
from numba import njit, prange

from handstitch.compiled.options import FAST, FUSED, PARALLEL, REORDERED
from handstitch.compiled.sgemm import gemm
from handstitch.core.functions import LEAK

_SMALL: Final = 30_000
"""Weights of a layer that one thread is done with before a second has begun."""
_RELU, _LEAKY, _ELU, _SIGMOID = range(4)  # then tanh; in the order of ACTIVATIONS


@njit(fastmath=FUSED, **FAST)
def _activate(kind, A):
    """A = f(Z) stands where Z stood."""
    if kind == _RELU:
        for i in range(A.size):
            A[i] = np.float32(0) if A[i] < 0 else A[i]  # NaN stays NaN
    elif kind == _LEAKY:
        for i in range(A.size):
            A[i] = np.float32(LEAK) * A[i] if A[i] < 0 else A[i]
    elif kind == _ELU:
        for i in range(A.size):
            A[i] = np.float32(expm1(A[i])) if A[i] < 0 else A[i]
    elif kind == _SIGMOID:
        for i in range(A.size):
            A[i] = np.float32(0.5) * (np.float32(1) + np.float32(tanh(np.float32(0.5) * A[i])))
    else:
        for i in range(A.size):
            A[i] = np.float32(tanh(A[i]))


@njit(fastmath=FUSED, **FAST)
def _derive(kind, dA, A):
    """dZ = dA ⊙ f′(Z) stands where dA stood."""
    one = np.float32(1)
    if kind == _RELU:
        for i in range(A.size):
            dA[i] = dA[i] if A[i] > 0 else np.float32(0)
    elif kind == _LEAKY:
        for i in range(A.size):
            dA[i] = dA[i] if A[i] > 0 else np.float32(LEAK) * dA[i]
    elif kind == _ELU:
        for i in range(A.size):
            dA[i] = dA[i] if A[i] > 0 else dA[i] * (A[i] + one)
    elif kind == _SIGMOID:
        for i in range(A.size):
            dA[i] *= A[i] * (one - A[i])
    else:
        for i in range(A.size):
            dA[i] *= one - A[i] * A[i]


@njit(**FAST)
def _share(size, part, parts):
    """First and last number of a part, in whole cache lines."""
    lines = (size + 15) // 16
    return min(lines * part // parts * 16, size), min(lines * (part + 1) // parts * 16, size)


@njit(**FAST)
def _gather(images, picks, offset, scale, at, work, lo, hi):
    """Samples lo to hi: X = (pixels − offset) · scale, some silenced."""
    X, chances, drop, width = work.X, work.pixels, at.drop[0], at.sizes[0]
    keep, zero = np.float32(1 / (1 - drop)), np.float32(0)
    for i in range(lo, hi):
        row, image = X[i], images[picks[i]]
        for j in range(width):
            row[j] = (np.float32(image[j]) - offset) * scale
        if drop > 0:
            chance = chances[i * width : (i + 1) * width]
            for j in range(width):
                row[j] = row[j] * keep if chance[j] >= drop else zero


@njit(**FAST)
def _forward(sgemm, n, layer, at, theta, work, lo, hi):
    """Units lo to hi of a hidden layer: Z = A W + b, A = f(Z), D = A ⊙ mask."""
    inputs, outputs, drop = at.sizes[layer], at.sizes[layer + 1], at.drop[1]
    W, start = theta[at.W[layer] + lo :], at.units[layer + 1] * n
    Z, count = work.A[start + lo * n :], hi - lo
    if layer == 0:
        X = work.X.reshape(-1)
        gemm(sgemm, 1, 1, n, count, inputs, 1.0, X, inputs, W, outputs, 0.0, Z, n)
    else:
        D = work.D[at.units[layer] * n :]
        gemm(sgemm, 0, 1, n, count, inputs, 1.0, D, n, W, outputs, 0.0, Z, n)
    for unit in range(lo, hi):
        here = slice(start + unit * n, start + (unit + 1) * n)
        A, b = work.A[here], theta[at.b[layer] + unit]
        for i in range(n):
            A[i] += b
        _activate(at.kinds[layer], A)
        if drop > 0:
            D, M, keep = work.D[here], work.M[here], np.float32(1 / (1 - drop))
            for i in range(n):
                M[i] = keep if M[i] >= drop else np.float32(0)
                D[i] = A[i] * M[i]


@njit(**FAST)
def _loss(sgemm, n, at, theta, labels, picks, work, part, parts):
    """The summed loss and the hits of a part's samples; P − Y stands where Z stood."""
    lo, hi = n * part // parts, n * (part + 1) // parts
    layer = len(at.W) - 1
    inputs, classes = at.sizes[layer], at.sizes[layer + 1]
    W, D, Z = theta[at.W[layer] :], work.D[at.units[layer] * n + lo :], work.top[lo * classes :]
    gemm(sgemm, 0, 1, classes, hi - lo, inputs, 1.0, W, classes, D, n, 0.0, Z, classes)
    b, loss, hits = theta[at.b[layer] :], 0.0, 0
    for i in range(lo, hi):
        Z, y, top = work.top[i * classes : (i + 1) * classes], labels[picks[i]], 0
        for j in range(classes):
            Z[j] += b[j]
            if Z[j] > Z[top]:
                top = j
        hits += top == y
        largest, total = Z[top], np.float32(0)
        loss -= Z[y] - largest
        for j in range(classes):
            Z[j] = exp(Z[j] - largest)
            total += Z[j]
        loss += log(total)
        for j in range(classes):
            Z[j] /= total
        Z[y] -= np.float32(1)
    work.sums[part, 0], work.sums[part, 1] = loss, hits


@njit(fastmath=REORDERED, **FAST)
def _sum(numbers):
    total = np.float32(0)
    for i in range(numbers.size):
        total += numbers[i]
    return total


@njit(**FAST)
def _backward(sgemm, n, layer, at, theta, into, work, lo, hi):
    """Inputs lo to hi of a layer, and the biases and, of the first one, the weights below them.

    dA = dZ Wᵀ;  W ← α Dᵀ dZ + β W, of these rows;  dZ = dA ⊙ mask ⊙ f′;  b ← α 1ᵀ dZ + β b
    """
    inputs, outputs, count = at.sizes[layer], at.sizes[layer + 1], hi - lo
    below, start = layer - 1, at.units[layer] * n
    rows, here = at.W[layer] + lo * outputs, start + lo * n
    is_top = layer == len(at.W) - 1
    dA, D, W, G = work.dZ[here:], work.D[here:], theta[rows:], into.vector[rows:]
    if is_top:
        dZ, ld = work.top, outputs
    else:
        dZ, ld = work.dZ[at.units[layer + 1] * n :], n
    gemm(sgemm, is_top, 0, n, count, outputs, 1.0, dZ, ld, W, outputs, 0.0, dA, n)
    gemm(sgemm, not is_top, 0, outputs, count, n, into.alpha, dZ, ld, D, n, into.beta, G, outputs)
    alpha, beta = np.float32(into.alpha), np.float32(into.beta_biases)
    for unit in range(lo, hi):
        at_unit = slice(start + unit * n, start + (unit + 1) * n)
        dZ, M, b = work.dZ[at_unit], work.M[at_unit], at.b[below] + unit
        if at.drop[1] > 0:
            for i in range(n):
                dZ[i] *= M[i]
        _derive(at.kinds[below], dZ, work.A[at_unit])
        into.vector[b] = alpha * _sum(dZ) + (beta * into.vector[b] if beta else 0)
    if below == 0:
        X, pixels, G = work.X.reshape(-1), at.sizes[0], into.vector[at.W[0] + lo :]
        gemm(sgemm, 1, 1, count, pixels, n, into.alpha, dA, n, X, pixels, into.beta, G, inputs)


@njit(**FAST)
def _top_bias(n, at, into, work):
    """b ← α 1ᵀ dZ + β b of the last layer."""
    classes, b = at.sizes[-1], at.b[-1]
    for j in range(classes):
        total = np.float32(0)
        for i in range(n):
            total += work.top[i * classes + j]
        old = into.beta_biases * into.vector[b + j] if into.beta_biases else 0.0
        into.vector[b + j] = into.alpha * total + old


@njit(parallel=PARALLEL, **FAST)
def step(sgemm, parts, n, images, labels, picks, offset, scale, limit, at, theta, into, work):
    """Gather, forward, loss, backward: (loss, hits). Where the loss is above `limit`, or none,
    θ and the target are as before.
    """
    layers, sizes = len(at.W), at.sizes
    for part in prange(parts):
        _gather(images, picks, offset, scale, at, work, n * part // parts, n * (part + 1) // parts)
    for layer in range(layers - 1):
        for part in prange(parts):
            lo, hi = _share(sizes[layer + 1], part, parts)
            _forward(sgemm, n, layer, at, theta, work, lo, hi)
    for part in prange(parts):
        _loss(sgemm, n, at, theta, labels, picks, work, part, parts)
    loss, hits = _total(work.sums, 0), int(_total(work.sums, 1))
    if not loss <= limit:
        return loss, hits
    for back in range(layers - 1):
        layer = layers - 1 - back
        for part in prange(parts):
            lo, hi = _share(sizes[layer], part, parts)
            _backward(sgemm, n, layer, at, theta, into, work, lo, hi)
    _top_bias(n, at, into, work)
    return loss, hits


@njit(**FAST)
def _total(sums, column):
    total = 0.0
    for part in range(len(sums)):
        total += sums[part, column]
    return total


@njit(fastmath=FUSED, **FAST)
def _row(theta, W, b, x, outputs, lo, hi, y):
    """Units lo to hi of y = x W + b. Eight rows of W at a time, so that y is passed over seldom."""
    y, n = y[lo:hi], hi - lo
    y[:] = theta[b + lo : b + hi]
    whole, at = x.size // 8 * 8, W + lo
    for i in range(0, whole, 8):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        x4, x5, x6, x7 = x[i + 4], x[i + 5], x[i + 6], x[i + 7]
        W0, W1 = theta[at : at + n], theta[at + outputs : at + outputs + n]
        at += 2 * outputs
        W2, W3 = theta[at : at + n], theta[at + outputs : at + outputs + n]
        at += 2 * outputs
        W4, W5 = theta[at : at + n], theta[at + outputs : at + outputs + n]
        at += 2 * outputs
        W6, W7 = theta[at : at + n], theta[at + outputs : at + outputs + n]
        at += 2 * outputs
        for j in range(n):
            four = x0 * W0[j] + x1 * W1[j] + x2 * W2[j] + x3 * W3[j]
            y[j] += four + x4 * W4[j] + x5 * W5[j] + x6 * W6[j] + x7 * W7[j]
    for i in range(whole, x.size):
        for j in range(n):
            y[j] += x[i] * theta[at + j]
        at += outputs


@njit(**FAST)
def _softmax(Z, P):
    """P = softmax(z).

    Kept out of the function with parallel parts: compiled as a part of that, it gave NaN in some
    compilations and not in others.
    """
    largest, total = Z[0], np.float32(0)
    for j in range(1, Z.size):
        largest = max(largest, Z[j])
    for j in range(Z.size):
        P[j] = exp(Z[j] - largest)
        total += P[j]
    for j in range(Z.size):
        P[j] /= total


@njit(parallel=PARALLEL, **FAST)
def classify(parts, pixels, offset, scale, sizes, weights, biases, kinds, theta, x, A, P):
    """P = softmax(logits) of one image's pixels; x (inputs,) and A (all units,) are overwritten."""
    for j in range(x.size):
        x[j] = (np.float32(pixels[j]) - offset) * scale
    below, start, layers = x, 0, len(weights)
    for layer in range(layers):
        outputs = sizes[layer + 1]
        W, b, y = weights[layer], biases[layer], A[start : start + outputs]
        if below.size * outputs < _SMALL:
            _row(theta, W, b, below, outputs, 0, outputs, y)
        else:
            for part in prange(parts):
                lo, hi = _share(outputs, part, parts)
                _row(theta, W, b, below, outputs, lo, hi, y)
        if layer < layers - 1:
            _activate(kinds[layer], y)
        below, start = y, start + outputs
    _softmax(below, P)
