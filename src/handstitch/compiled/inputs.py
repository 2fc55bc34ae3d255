"""X of a batch, in the threads of the step: samples varied, mixed, scaled and partly dropped.

data/batches.py and data/augmentation.py once more; lo and hi bound a thread's part.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from handstitch.compiled import windows
from handstitch.compiled.formulas import uncached
from handstitch.compiled.jit import PARALLEL, compiled
from handstitch.compiled.matmul import thread_range
from handstitch.compiled.philox import draw
from handstitch.data import augmentation

_vary = uncached(augmentation.vary)
_mix_pixel = uncached(augmentation.mix_pixel)


@compiled()
def _gather(images, indices, variants, varied, is_raw, offset, scale, width, work, lo, hi):
    """X = (pixels − offset) · scale of samples lo to hi; pixels as they are where `is_raw`.

    Where there are variants, of them: `varied` holds their pixels.
    """
    for i in range(lo, hi):
        row, image = work.X[i * width : (i + 1) * width], images[indices[i]]
        if len(variants.moves) > 0:
            shape = variants.shape[0], variants.shape[1], variants.shape[2]
            fill = images.dtype.type(variants.fill)
            _vary(image.reshape(shape), variants.moves[i], fill, varied[i].reshape(shape))
            image = varied[i]
        for j in range(width):
            row[j] = image[j]
        if not is_raw:
            _scale(offset, scale, row)


@compiled()
def _scale(offset, scale, row):
    """x ← (x − offset) · scale of a sample: both of length 1 for pixels; features have one each."""
    if len(scale) == 1:
        shift, factor = offset[0], scale[0]
        for j in range(len(row)):
            row[j] = (row[j] - shift) * factor
    else:
        for j in range(len(row)):
            row[j] = (row[j] - offset[j]) * scale[j]


@compiled()
def _mix(n, mixing, are_pixels, width, work, lo, hi):
    """Each sample mixed with the next in inputs lo to hi; after the last comes the first."""
    first = work.X[lo:hi].copy()
    share, rest = np.float32(mixing), np.float32(1 - mixing)
    for i in range(n):
        row, following = work.X[i * width + lo : i * width + hi], first
        if i < n - 1:
            following = work.X[(i + 1) * width + lo : (i + 1) * width + hi]
        if are_pixels:
            for j in range(hi - lo):
                row[j] = _mix_pixel(row[j], following[j], share)
        else:
            for j in range(hi - lo):
                row[j] = share * row[j] + rest * following[j]


@compiled()
def _drop(p, keep, rng_state, work, lo, hi):
    """x ← keep · x, or 0 with probability p, of numbers lo to hi: the input's dropout."""
    X, uniforms, zero = work.X[lo:hi], work.input_uniforms[lo:hi], np.float32(0)
    draw(rng_state, lo, uniforms)
    for j in range(hi - lo):
        X[j] = X[j] * keep if uniforms[j] >= p else zero


@compiled()
def _scale_and_drop(is_raw, offset, scale, layout, rng_state, work, lo, hi):
    """Samples lo to hi scaled where they are raw, and partly dropped.

    For windows, pixels stay whole numbers, and none is enlarged: their products are.
    """
    width, p, has_windows = layout.sizes[0], layout.dropout[0], layout.window_pixels.size > 0
    if is_raw and not has_windows:
        for i in range(lo, hi):
            _scale(offset, scale, work.X[i * width : (i + 1) * width])
    if p > 0:
        keep = np.float32(1) if has_windows else np.float32(1 / (1 - p))
        _drop(p, keep, rng_state, work, lo * width, hi * width)


@compiled(parallel=PARALLEL)
def gather_batch(
    threads, n, images, indices, variants, varied, mixing, offset, scale, layout, rng_state, work
):  # fmt: skip
    """X ← the samples of a batch; for windows their pixels, turned.

    Raises IndexError for variants of another batch or of images of another size.
    """
    width, p, has_windows = layout.sizes[0], layout.dropout[0], layout.window_pixels.size > 0
    if len(variants.moves) > 0 and not (
        n == len(variants.moves) <= len(varied)
        and variants.shape.prod() == width == varied.shape[1]
    ):
        raise IndexError("a variant for each image of the batch is wanted")
    is_raw = has_windows or mixing < 1
    for index in prange(threads):
        thread = np.int64(index)  # `index` is unsigned: all would be compiled once more for it
        lo, hi = n * thread // threads, n * (thread + 1) // threads
        _gather(images, indices, variants, varied, is_raw, offset, scale, width, work, lo, hi)
    if mixing < 1:
        for index in prange(threads):
            lo, hi = thread_range(width, np.int64(index), threads)
            _mix(n, mixing, images.itemsize == 1, width, work, lo, hi)
    if is_raw or p > 0:
        for index in prange(threads):
            thread = np.int64(index)
            lo, hi = windows.image_range(n, thread, threads)
            _scale_and_drop(is_raw, offset, scale, layout, rng_state, work, lo, hi)
            if has_windows:
                windows.turn(n, width, work.X, work.tiles, lo, hi)


@compiled()
def check_batch(n, images, labels, indices, sizes, most, weights):
    """Raise IndexError for what would be read or written outside of the arrays."""
    if not 0 < n <= min(most, len(indices)) or images.shape[1] != sizes[0]:
        raise IndexError("a batch or images of another size than the network's")
    if len(weights) not in (0, len(labels)):
        raise IndexError("a weight for each label, or none, are wanted")
    for i in indices[:n]:
        if not 0 <= i < min(len(images), len(labels)):
            raise IndexError("no such image")
        if not 0 <= labels[i] < sizes[-1]:
            raise IndexError("no such class")
