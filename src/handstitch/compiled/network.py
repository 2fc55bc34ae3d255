"""A batch forward and backward as one compiled function: core/network.py once more.

Called with arrays and numbers alone. lo and hi bound a thread's part of a phase.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from handstitch.compiled import windows
from handstitch.compiled.functions import (
    activate,
    activation_backward,
    softmax,
    softmax_cross_entropy,
)
from handstitch.compiled.inputs import check_batch, gather_batch
from handstitch.compiled.jit import PARALLEL, compiled
from handstitch.compiled.matmul import (
    can_update,
    matmul_sparse,
    matmul_sparse_transposed,
    thread_range,
)
from handstitch.compiled.optimizers import update_part, update_range
from handstitch.compiled.philox import draw


@compiled()
def _product(n, layer, pixel_shift, layout, theta, work, lo, hi, thread):
    """Z = A W + b of units lo to hi of a hidden layer.

    The input is X + pixel_shift: (X + pixel_shift) W = X W + pixel_shift · 1ᵀ W.
    """
    inputs, outputs, first = layout.sizes[layer], layout.sizes[layer + 1], layout.units[layer + 1]
    W, b = theta[layout.W[layer] + lo :], theta[layout.b[layer] + lo :]
    S = work.X if layer == 0 else work.dropped[layout.units[layer] * n :]
    if layer == 0 and pixel_shift != 0:
        initial = work.initial[lo:hi]
        initial[:] = 0
        for k in range(inputs):
            row = W[k * outputs : k * outputs + hi - lo]
            for j in range(hi - lo):
                initial[j] += row[j]
        for j in range(hi - lo):
            initial[j] = pixel_shift * initial[j] + b[j]
        b = work.initial[lo:]
    matmul_sparse(
        n, inputs, S, inputs, W, False, outputs, hi - lo, b, work.outputs[first * n + lo :],
        outputs, work.nonzero_masks[thread], work.panels[thread], work.rounded[thread],
    )  # fmt: skip


@compiled()
def _forward(n, layer, pixel_scale, pixel_shift, layout, theta, rng_state, work, lo, hi, thread):
    """Z = A W + b,  A = f(Z),  dropped = A ⊙ mask, of units lo to hi of a hidden layer."""
    inputs, outputs, p = layout.sizes[layer], layout.sizes[layer + 1], layout.dropout[1]
    first = layout.units[layer + 1]
    if layer == 0 and layout.window_pixels.size > 0:
        windows.forward(
            n, inputs, outputs, pixel_scale, pixel_shift, layout, work.tiles,
            theta, theta[layout.b[0] :], work.outputs, lo, hi, work.turned[thread].view(np.float32),
        )  # fmt: skip
    else:
        _product(n, layer, pixel_shift, layout, theta, work, lo, hi, thread)
    keep, zero = np.float32(1 / (1 - p)), np.float32(0)
    if p > 0:
        before = n * layout.sizes[0] if layout.dropout[0] > 0 else 0
        start, stop = (first + lo) * n, (first + hi) * n
        draw(rng_state, before + start, work.uniforms[start:stop])
    for i in range(n):
        here = slice((first * n + i * outputs) + lo, (first * n + i * outputs) + hi)
        A = work.outputs[here]
        activate(layout.activation_ids[layer], A)
        if p > 0:  # random numbers lie unit by unit
            uniform = work.uniforms[(first + lo) * n + i :]
            dropped, mask = work.dropped[here], work.masks[here]
            for j in range(hi - lo):
                mask[j] = keep if uniform[j * n] >= p else zero
                dropped[j] = A[j] * mask[j]


@compiled()
def _loss(n, layout, theta, labels, indices, mixing, work, thread, threads):
    """Loss of each of a thread's samples, and whether it is correct; s P − Y overwrites Z."""
    lo, hi = n * thread // threads, n * (thread + 1) // threads
    layer = len(layout.W) - 1
    inputs, classes = layout.sizes[layer], layout.sizes[layer + 1]
    W, b = theta[layout.W[layer] :], theta[layout.b[layer] :]
    S = work.dropped[layout.units[layer] * n + lo * inputs :]
    matmul_sparse(
        hi - lo, inputs, S, inputs, W, False, classes, classes, b, work.logits[lo * classes :],
        classes, work.nonzero_masks[thread], work.panels[thread], work.rounded[thread],
    )  # fmt: skip
    is_one_hot = mixing == 1 and work.smoothing == 0 and work.weights.size == 0
    for i in range(lo, hi):
        here = slice(i * classes, (i + 1) * classes)
        Z, y = work.logits[here], labels[indices[i]]
        if not is_one_hot:
            Y = work.targets[here]
            Y[:] = 0
            _add_target(mixing, indices[i], labels, work, Y)
            if mixing < 1:
                _add_target(1 - mixing, indices[(i + 1) % n], labels, work, Y)
            predicted, work.losses[i] = softmax_cross_entropy(Z, Y)
            work.is_correct[i] = predicted == y
            continue
        loss = -np.float64(Z[y])
        predicted, log_sum = softmax(Z, Z)
        work.losses[i], work.is_correct[i] = loss + log_sum, predicted == y
        Z[y] -= np.float32(1)


@compiled()
def _totals(n, work):
    """Sums of losses and of correct samples, added in order: the same with any number of threads.

    A function of its own: in one with parallel loops numba would divide it among the threads.
    """
    loss, correct = 0.0, 0
    for i in range(n):
        loss += work.losses[i]
        correct += work.is_correct[i]
    return loss, correct


@compiled()
def _add_target(share, index, labels, work, Y):
    """Y ← Y + share · w ((1 − ε) · onehot(y) + ε / classes), of a sample with weight w."""
    w = np.float32(share * (work.weights[index] if work.weights.size else 1.0))
    Y += w * work.smoothing / np.float32(Y.size)
    Y[labels[index]] += w * (1 - work.smoothing)


@compiled()
def _backward(n, layer, pixel_scale, pixel_shift, layout, theta, into, work, lo, hi, thread):
    """dA = dZ Wᵀ;  W ← α Aᵀ dZ + β W;  dZ = dA ⊙ mask ⊙ f′;  b ← α 1ᵀ dZ + β b.

    Of inputs lo to hi of a layer: their rows of W, and their biases in the layer below; where that
    is the first, their columns of its weights, too.
    """
    inputs, outputs, count = layout.sizes[layer], layout.sizes[layer + 1], hi - lo
    below, first, rows = layer - 1, layout.units[layer] * n, layout.W[layer] + lo * outputs
    zeros = work.zeros
    dZ = (
        work.logits if layer == len(layout.W) - 1 else work.gradients[layout.units[layer + 1] * n :]
    )
    dA, A = work.gradients[first + lo :], work.dropped[first + lo :]
    W = theta[rows:]
    matmul_sparse(
        n, outputs, dZ, outputs, W, True, outputs, count, zeros, dA, inputs,
        work.nonzero_masks[thread], work.panels[thread], work.rounded[thread],
    )  # fmt: skip
    matmul_sparse_transposed(
        n, count, A, inputs, dZ, outputs, outputs, zeros, into, rows, outputs,
        can_update(into, outputs), work, thread,
    )  # fmt: skip
    sums = work.initial[layout.units[layer] + lo : layout.units[layer] + hi]
    sums[:] = 0
    for i in range(n):
        here = slice(first + i * inputs + lo, first + i * inputs + hi)
        dZ, mask = work.gradients[here], work.masks[here]
        if layout.dropout[1] > 0:
            for j in range(count):
                dZ[j] *= mask[j]
        activation_backward(layout.activation_ids[below], dZ, work.outputs[here])
        for j in range(count):
            sums[j] += dZ[j]
    alpha, beta = np.float32(into.alpha), np.float32(into.beta_biases)
    b = into.parameters[layout.b[below] + lo : layout.b[below] + hi]
    for j in range(count):
        b[j] = alpha * sums[j] + (beta * b[j] if beta else 0)
    update_part(into, into.decays_biases, layout.b[below] + lo, b)
    if below == 0:
        _first_layer_backward(n, pixel_scale, pixel_shift, sums, layout, into, work, lo, hi, thread)


@compiled()
def _first_layer_backward(
    n, pixel_scale, pixel_shift, sums, layout, into, work, lo, hi, thread
):  # fmt: skip
    """W₀ ← α (X + pixel_shift)ᵀ dZ + β W₀, of units lo to hi; sums = 1ᵀ dZ is overwritten."""
    inputs, units, dZ = layout.sizes[0], layout.sizes[1], work.gradients
    if layout.window_pixels.size == 0:
        initial = work.zeros
        if pixel_shift != 0:
            sums *= pixel_shift
            initial = sums
        matmul_sparse_transposed(
            n, inputs, work.X, inputs, dZ[lo:], units, hi - lo, initial, into, layout.W[0] + lo,
            units, False, work, thread,
        )  # fmt: skip
        return
    alpha, beta = np.float32(into.alpha), np.float32(into.beta)
    sums *= alpha * pixel_shift
    for unit in range(lo, hi, windows.GROUP):
        end = min(unit + windows.GROUP, hi)
        begin = layout.window_starts[unit]
        windows.backward(
            n, inputs, units, alpha * pixel_scale, sums[unit - lo :], layout, work.tiles, dZ,
            beta, into.parameters, unit, end, work.turned[thread].view(np.float32),
        )  # fmt: skip
        G = into.parameters[begin : layout.window_starts[end]]
        update_part(into, into.decays, begin, G)


@compiled()
def _last_biases(n, layout, into, work):
    """b ← α 1ᵀ dZ + β b of the last layer."""
    classes, b = layout.sizes[-1], layout.b[-1]
    for j in range(classes):
        total = np.float32(0)
        for i in range(n):
            total += work.logits[i * classes + j]
        old = into.beta_biases * into.parameters[b + j] if into.beta_biases else 0.0
        into.parameters[b + j] = into.alpha * total + old
    update_part(into, into.decays_biases, b, into.parameters[b : b + classes])


@compiled()
def _update_rest(threads, layout, into):
    """The update of weights that no product has updated."""
    sizes, has_windows = layout.sizes, layout.window_pixels.size > 0
    for layer in range(len(layout.W)):
        is_updated = has_windows if layer == 0 else can_update(into, sizes[layer + 1])
        if into.rule_id >= 0 and not is_updated:
            begin = layout.W[layer]
            update_range(threads, into, begin, begin + sizes[layer] * sizes[layer + 1])


@compiled(parallel=PARALLEL)
def forward_backward(
    threads,
    n,
    images,
    labels,
    indices,
    variants,
    varied,
    mixing,
    offset,
    scale,
    pixel_shift,
    limit,
    layout,
    theta,
    rng_state,
    into,
    work,
):
    """(summed loss, correct samples) of a batch; its gradient goes where `into` says.

    Where the loss is above `limit`, or NaN, θ and the target are not changed. Raises IndexError
    for an image, a label or a batch that leads outside of the arrays.
    """
    layers, sizes = len(layout.W), layout.sizes
    check_batch(n, images, labels, indices, sizes, len(work.losses), work.weights)
    if not len(offset) == len(scale) in (1, sizes[0]):
        raise IndexError("one offset and scale, or one for each input, are wanted")
    pixel_scale = scale[0] / (np.float32(1) - layout.dropout[0])  # of pixels turned, not of X
    gather_batch(
        threads,
        n,
        images,
        indices,
        variants,
        varied,
        mixing,
        offset,
        scale,
        layout,
        rng_state,
        work,
    )
    for layer in range(layers - 1):
        for index in prange(threads):
            thread = np.int64(index)  # `index` is unsigned: all would be compiled once more for it
            lo, hi = thread_range(sizes[layer + 1], thread, threads)
            _forward(
                n, layer, pixel_scale, pixel_shift, layout, theta, rng_state, work, lo, hi, thread
            )
    for index in prange(threads):
        _loss(n, layout, theta, labels, indices, mixing, work, np.int64(index), threads)
    loss, correct = _totals(n, work)
    if not loss <= limit:
        return loss, correct
    for back in range(layers - 1):
        layer = layers - 1 - back
        for index in prange(threads):
            thread = np.int64(index)
            lo, hi = thread_range(sizes[layer], thread, threads)
            _backward(n, layer, pixel_scale, pixel_shift, layout, theta, into, work, lo, hi, thread)
    _last_biases(n, layout, into, work)
    _update_rest(threads, layout, into)
    return loss, correct
