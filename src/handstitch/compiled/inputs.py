"""X of a batch, in the threads of the step: samples varied, scaled, mixed and partly dropped.

data/batches.py and data/augmentation.py once more; lo and hi bound a thread's part.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from handstitch.compiled.formulas import uncached
from handstitch.compiled.jit import PARALLEL, compiled
from handstitch.compiled.matmul import thread_range
from handstitch.compiled.philox import draw
from handstitch.data import augmentation

_vary = uncached(augmentation.vary)


@compiled()
def _gather(images, indices, variants, varied, offset, scale, width, work, lo, hi):
    """X = (pixels − offset) · scale of samples lo to hi.

    Where there are variants, of them: `varied` holds their pixels. Offset and scale are of length 1
    for pixels; features have one each.
    """
    for i in range(lo, hi):
        row, image = work.X[i * width : (i + 1) * width], images[indices[i]]
        if len(variants.moves) > 0:
            shape = variants.shape[0], variants.shape[1], variants.shape[2]
            fill = images.dtype.type(variants.fill)
            _vary(image.reshape(shape), variants.moves[i], fill, varied[i].reshape(shape))
            image = varied[i]
        if len(scale) == 1:
            shift, factor = offset[0], scale[0]
            for j in range(width):
                row[j] = (np.float32(image[j]) - shift) * factor
        else:
            for j in range(width):
                row[j] = (image[j] - offset[j]) * scale[j]


@compiled()
def _mix(n, mixing, width, work, lo, hi):
    """X_i ← λ X_i + (1 − λ) X_{i+1} in inputs lo to hi; after the last sample comes the first."""
    share, rest = np.float32(mixing), np.float32(1 - mixing)
    first = work.X[lo:hi].copy()
    for i in range(n):
        row, following = work.X[i * width + lo : i * width + hi], first
        if i < n - 1:
            following = work.X[(i + 1) * width + lo : (i + 1) * width + hi]
        for j in range(hi - lo):
            row[j] = share * row[j] + rest * following[j]


@compiled()
def _drop(p, rng_state, work, lo, hi):
    """X ← X ⊙ mask of numbers lo to hi: the input's dropout."""
    keep, zero = np.float32(1 / (1 - p)), np.float32(0)
    X, uniforms = work.X[lo:hi], work.input_uniforms[lo:hi]
    draw(rng_state, lo, uniforms)
    for j in range(hi - lo):
        X[j] = X[j] * keep if uniforms[j] >= p else zero


@compiled(parallel=PARALLEL)
def gather_batch(
    threads, n, images, indices, variants, varied, mixing, offset, scale, layout, rng_state, work
):  # fmt: skip
    """X ← the samples of a batch.

    Raises IndexError for variants of another batch or of images of another size.
    """
    width, p = layout.sizes[0], layout.dropout[0]
    if len(variants.moves) > 0 and not (
        n == len(variants.moves) <= len(varied)
        and variants.shape.prod() == width == varied.shape[1]
    ):
        raise IndexError("a variant for each image of the batch is wanted")
    for index in prange(threads):
        thread = np.int64(index)
        lo, hi = n * thread // threads, n * (thread + 1) // threads
        _gather(images, indices, variants, varied, offset, scale, width, work, lo, hi)
    if mixing < 1:
        for index in prange(threads):
            lo, hi = thread_range(width, np.int64(index), threads)
            _mix(n, mixing, width, work, lo, hi)
    if p > 0:
        for index in prange(threads):
            thread = np.int64(index)
            lo, hi = n * thread // threads, n * (thread + 1) // threads
            _drop(p, rng_state, work, lo * width, hi * width)
