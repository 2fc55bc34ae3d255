"""A trained network as a compiled function from images to probabilities."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from handstitch import machine
from handstitch.arrays import Images, Labels, Matrix, Vector, aligned_zeros
from handstitch.compiled import inference, windows
from handstitch.compiled.kernels import MASK_BITS, PANEL_WIDTH
from handstitch.compiled.layout import Compaction, layout_of
from handstitch.core.network import Network
from handstitch.data.batches import Subset
from handstitch.data.scaling import Scaling
from handstitch.errors import overflow_error
from handstitch.machine import memory

_WEIGHTS_PER_THREAD: Final = 200_000
"""For one image: reading fewer weights takes no longer than waking a thread."""


_NUMBERS: Final = 2**24
"""Pixels or features evaluated at a time: so many bytes, or four times, where a file is read."""


class _InferenceBuffers(NamedTuple):
    """The arrays that many images need; a row for each thread."""

    X: Matrix
    outputs: Matrix
    nonzero_masks: NDArray[np.uint64]
    panels: Matrix
    tiles: Matrix
    turned: Matrix


class CompiledClassifier:
    """P of images, by the weights that the network has at construction.

    `axes` are those of one sample: 2 of a grey image, 3 of one in colour, 1 of features. Its
    buffers are allocated once, so two threads need a classifier each. The scaling of pixels becomes
    part of the first layer: pixels that are 0 in the file stay 0, and are skipped. Features are
    scaled one by one, since much is lost where a weighted large mean is subtracted. The division
    of the logits by `temperature` becomes part of the last layer.
    """

    def __init__(
        self,
        network: Network,
        scaling: Scaling,
        threads: int = 0,
        axes: int = 2,
        temperature: float = 1.0,
    ) -> None:
        sizes = network.parameters.sizes
        copied = 4 * network.parameters.vector.size
        memory.require(copied, "a copy of the weights", memory.OF_A_FILE)
        parameters = network.parameters.copy()
        W, b = parameters.weights[0], parameters.biases[0]
        offset, scale = scaling
        self._scaling: tuple[Vector, Vector] = (np.empty(0, np.float32), np.empty(0, np.float32))
        if isinstance(offset, np.ndarray) and isinstance(scale, np.ndarray):
            self._scaling = offset, scale
        else:
            with np.errstate(over="ignore", invalid="ignore"):  # seen in P
                b -= offset * scale * W.sum(axis=0, dtype=np.float64)
                W *= scale
        for array in (parameters.weights[-1], parameters.biases[-1]):
            np.divide(array, np.float32(temperature), out=array)
        self._theta, self._layout, self._sizes = parameters.vector, layout_of(network), sizes
        self._has_windows = network.receptive_fields is not None
        if self._has_windows:
            compaction = Compaction(self._layout)
            self._theta = compaction.zeros(parameters.vector)
            compaction.compact(parameters.vector, self._theta)
        self._threads = min(threads or machine.cores(), numba.config.NUMBA_NUM_THREADS)
        self._threads_for_one = max(
            1, min(self._threads, parameters.weight_count // _WEIGHTS_PER_THREAD)
        )
        self._axes = axes
        # A copy: a read-only image would be another type, and compiled for anew.
        self._pixels: Images = np.empty(sizes[0], np.float32 if axes == 1 else np.uint8)
        self._x, self._A = aligned_zeros(sizes[0]), aligned_zeros(sum(sizes[1:]))
        self._positions = np.empty((self._threads_for_one, max(sizes)), np.int64)

    def __call__(self, images: Images) -> Matrix | Vector:
        """P (n, classes) of uint8 images or float32 features; P (classes,) of a single sample.

        An image alone and the same among others may differ in the last bits. Raises ModelFileError
        where the network overflows.
        """
        is_one = images.ndim == self._axes
        threads = self._threads_for_one if is_one else self._threads
        before = numba.get_num_threads()
        if before != threads:
            numba.set_num_threads(threads)
        try:
            P = self._one(images) if is_one else self._many(images, False)
        finally:
            if before != threads:
                numba.set_num_threads(before)
        if np.isnan(P[..., 0]).any():  # with one NaN among an image's logits all of P is NaN
            raise overflow_error()
        return P

    def loss_and_accuracy(self, images: Images | Subset, labels: Labels) -> tuple[float, float]:
        """As Evaluator.loss_and_accuracy.

        The caller sets numba's number of threads.
        """
        loss, correct, rows = 0.0, 0, max(1, _NUMBERS // self._sizes[0])
        numbers = labels.astype(np.intp)  # uint16 would be compiled for anew
        for start in range(0, len(labels), rows):
            some = slice(start, start + rows)
            Z = self._many(images[some], True)
            # Added to the sum so far: the same bits as from all images at once.
            loss, more = inference.loss_and_correct(Z, numbers[some], loss)
            correct += more
        return loss / len(labels), correct / len(labels)

    def _require_fit(self, images: Images, pixels: int) -> None:
        if pixels != self._sizes[0] or images.dtype != self._pixels.dtype:
            found = f"{images.dtype} {images.shape}"
            wanted = f"{self._pixels.dtype} samples of {self._sizes[0]} numbers"
            raise ValueError(f"{wanted}, not {found}")

    def _one(self, image: Images) -> Vector:
        self._require_fit(image, image.size)
        np.copyto(self._pixels, image.reshape(-1))
        P = np.empty(self._sizes[-1], np.float32)
        inference.classify_one(
            self._threads_for_one,
            self._pixels,
            *self._scaling,
            self._layout,
            self._theta,
            self._x,
            self._A,
            self._positions,
            P,
        )
        return P

    def _many(self, images: Images, wants_logits: bool) -> Matrix:
        pixels = prod(images.shape[1:])
        self._require_fit(images, pixels)
        rows = np.ascontiguousarray(images).reshape(len(images), pixels)
        rows.flags.writeable = False
        P = np.empty((len(images), self._sizes[-1]), np.float32)
        inference.classify_many(
            self._threads,
            rows,
            *self._scaling,
            self._layout,
            self._theta,
            self._buffers,
            wants_logits,
            P,
        )
        return P

    @cached_property
    def _buffers(self) -> _InferenceBuffers:
        rows, threads, widest = inference.ROWS, self._threads, max(self._sizes)
        floats = (
            rows * self._sizes[0] + MASK_BITS,
            rows * sum(self._sizes[1:]) + MASK_BITS,
            MASK_BITS * PANEL_WIDTH,
            windows.tiles_size(rows, self._sizes[0]) * self._has_windows,
            windows.turned_size(rows) * self._has_windows,
        )
        words = rows * -(-widest // MASK_BITS)
        needed = threads * (4 * sum(floats) + 8 * words)
        memory.require(needed, f"{threads * rows:,} images at a time", memory.OF_A_FILE)
        X, outputs, *others = (
            aligned_zeros(threads * size).reshape(threads, size) for size in floats
        )
        return _InferenceBuffers(X, outputs, np.empty((threads, words), np.uint64), *others)
