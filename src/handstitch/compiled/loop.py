"""Everything that is compiled, in one file: what numba keeps on disk is made anew when it changes.

Called with arrays and numbers alone. `part` and `parts` say which share of a phase is meant.
"""

from __future__ import annotations

from math import exp, expm1, log, sqrt, tanh
from typing import Any, Final

import numpy as np
from numba import njit, prange

from handstitch.compiled.sgemm import gemm
from handstitch.core.functions import LEAK

_RELU, _LEAKY, _ELU, _SIGMOID = range(4)  # then tanh; in the order of ACTIVATIONS
_SGD, _MOMENTUM, _NESTEROV, _RMSPROP = range(4)  # then Adam; in the order of OPTIMIZERS
_BLOCK: Final = 4096
_FAST: Final[dict[str, Any]] = {"cache": True, "nogil": True, "error_model": "numpy"}
# Loops that say so, and nothing else.
_PARALLEL: Final = {"prange": True} | dict.fromkeys(
    ("comprehension", "fusion", "inplace_binop", "numpy", "reduction", "setitem", "stencil"), False
)
# a·b + c may be one instruction; only sums that say so may be taken in another order.
_FUSED: Final = {"contract"}
_REORDERED: Final = {"contract", "reassoc", "nsz"}


@njit(fastmath=_FUSED, **_FAST)
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


@njit(fastmath=_FUSED, **_FAST)
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


@njit(**_FAST)
def _share(size, part, parts):
    """First and last number of a part, in whole cache lines."""
    lines = (size + 15) // 16
    return min(lines * part // parts * 16, size), min(lines * (part + 1) // parts * 16, size)


@njit(**_FAST)
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


@njit(**_FAST)
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


@njit(**_FAST)
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


@njit(fastmath=_REORDERED, **_FAST)
def _sum(numbers):
    total = np.float32(0)
    for i in range(numbers.size):
        total += numbers[i]
    return total


@njit(**_FAST)
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


@njit(**_FAST)
def _top_bias(n, at, into, work):
    """b ← α 1ᵀ dZ + β b of the last layer."""
    classes, b = at.sizes[-1], at.b[-1]
    for j in range(classes):
        total = np.float32(0)
        for i in range(n):
            total += work.top[i * classes + j]
        old = into.beta_biases * into.vector[b + j] if into.beta_biases else 0.0
        into.vector[b + j] = into.alpha * total + old


@njit(parallel=_PARALLEL, **_FAST)
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


@njit(fastmath=_FUSED, **_FAST)
def _move(rule, h, theta, G, first, second):
    """The rules of core/optimizers.py, number by number."""
    eta, mu, beta1, beta2, epsilon, root, one = h[0], h[1], h[2], h[3], h[4], h[5], np.float32(1)
    if rule == _SGD:
        for i in range(G.size):
            theta[i] -= eta * G[i]
    elif rule == _MOMENTUM:
        for i in range(G.size):
            first[i] = mu * first[i] + G[i]
            theta[i] -= eta * first[i]
    elif rule == _NESTEROV:
        for i in range(G.size):
            first[i] = mu * first[i] + G[i]
            theta[i] -= eta * (G[i] + mu * first[i])
    elif rule == _RMSPROP:
        for i in range(G.size):
            first[i] = beta2 * first[i] + (one - beta2) * (G[i] * G[i])
            theta[i] -= eta * G[i] / (sqrt(first[i]) + epsilon)
    else:
        for i in range(G.size):
            first[i] = beta1 * first[i] + (one - beta1) * G[i]
            second[i] = beta2 * second[i] + (one - beta2) * (G[i] * G[i])
            theta[i] -= eta * first[i] / (sqrt(second[i]) / root + epsilon)


@njit(parallel=_PARALLEL, **_FAST)
def update(parts, rule, h, clip, decay, shrink, decayed, theta, G, first, second, sums):
    """Clip the gradient, add `decay` · θ to it or multiply θ by `shrink`, and move θ."""
    scale = np.float32(1)
    if clip > 0:
        for part in prange(parts):
            lo, hi = _share(G.size, part, parts)
            sums[part, 2] = 0
            for start in range(lo, hi, _BLOCK):
                sums[part, 2] += _squares(G[start : min(start + _BLOCK, hi)])
        norm = sqrt(_total(sums, 2))
        scale = np.float32(min(1.0, clip / max(norm, np.float64(h[4]))))
    for part in prange(parts):
        lo, hi = _share(G.size, part, parts)
        for start in range(lo, hi, _BLOCK):
            stop = min(start + _BLOCK, hi)
            if clip > 0:
                for i in range(start, stop):
                    G[i] *= scale
            until = min(stop, decayed)
            for i in range(start, until):
                theta[i] *= shrink
                G[i] += decay * theta[i]
            here = slice(start, stop)
            _move(rule, h, theta[here], G[here], first[here], second[here])


@njit(**_FAST)
def _total(sums, column):
    total = 0.0
    for part in range(len(sums)):
        total += sums[part, column]
    return total


@njit(fastmath=_REORDERED, **_FAST)
def _squares(numbers):
    total = np.float32(0)
    for i in range(numbers.size):
        total += numbers[i] * numbers[i]
    return total
