"""A trained network as a compiled function: for whoever asks again and again."""

from __future__ import annotations

from math import prod
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from handstitch import machine
from handstitch.arrays import Images, Labels, Matrix, Vector, zeros
from handstitch.compiled import inference
from handstitch.compiled.layout import laid_out
from handstitch.compiled.simd import BLOCK, WIDEST
from handstitch.core.network import Network
from handstitch.data.scaling import Scaling

_SHARE: Final = 200_000
"""Weights that are worth a thread for one image: reading fewer takes no longer than waking it."""


class _Space(NamedTuple):
    """What many images are computed in: a row for each part."""

    X: Matrix
    A: Matrix
    masks: NDArray[np.uint64]
    panels: Matrix


class CompiledClassifier:
    """P of images, of the weights as they are now; what it computes in is allocated once, so each
    thread needs one of its own.

    The scaling of pixels becomes part of the first layer: what is 0 in the file stays 0, and is
    passed over.
    """

    def __init__(self, network: Network, scaling: Scaling, threads: int = 0) -> None:
        parameters = network.parameters.copy()
        W, b = parameters.weights[0], parameters.biases[0]
        b -= scaling.offset * scaling.scale * W.sum(axis=0, dtype=np.float64)
        W *= scaling.scale
        sizes = parameters.sizes
        self._theta, self._layout, self._sizes = parameters.vector, laid_out(network), sizes
        self._threads = min(threads or machine.cores(), numba.config.NUMBA_NUM_THREADS)
        self._parts = max(1, min(self._threads, parameters.weight_count // _SHARE))
        # Of its own: an image that may not be written would be another type, and compiled for anew.
        self._pixels = np.empty(sizes[0], np.uint8)
        self._x, self._A = zeros(sizes[0]), zeros(sum(sizes[1:]))
        self._places = np.empty((self._parts, max(sizes)), np.int64)
        self._space: _Space | None = None

    def __call__(self, images: Images) -> Matrix | Vector:
        """P (n, classes) of images (n, rows, columns), uint8; P (classes,) of one (rows, columns).

        An image alone and the same among others may differ in the last bits.
        """
        parts = self._parts if images.ndim == 2 else self._threads
        before = numba.get_num_threads()
        if before != parts:
            numba.set_num_threads(parts)
        try:
            return self._one(images) if images.ndim == 2 else self._many(images, False)
        finally:
            if before != parts:
                numba.set_num_threads(before)

    def loss_and_accuracy(self, images: Images, labels: Labels) -> tuple[float, float]:
        """As Evaluator.loss_and_accuracy, of images (n, rows, columns); for whoever has set the
        number of threads.
        """
        loss, hits = inference.loss_and_hits(self._many(images, True), labels)
        return loss / len(labels), hits / len(labels)

    def _one(self, image: Images) -> Vector:
        np.copyto(self._pixels, image.reshape(-1))
        P = np.empty(self._sizes[-1], np.float32)
        inference.one(
            self._parts,
            self._pixels,
            self._layout,
            self._theta,
            self._x,
            self._A,
            self._places,
            P,
        )
        return P

    def _many(self, images: Images, wants_logits: bool) -> Matrix:
        if self._space is None:
            self._space = self._allocated()
        rows = np.ascontiguousarray(images).reshape(len(images), prod(images.shape[1:]))
        rows.flags.writeable = False
        P = np.empty((len(images), self._sizes[-1]), np.float32)
        inference.many(self._threads, rows, self._layout, self._theta, self._space, wants_logits, P)
        return P

    def _allocated(self) -> _Space:
        rows, parts, widest = inference.ROWS, self._threads, max(self._sizes)

        def for_each(size: int) -> Matrix:
            return zeros(parts * size).reshape(parts, size)

        return _Space(
            X=for_each(rows * self._sizes[0] + BLOCK),
            A=for_each(rows * sum(self._sizes[1:]) + BLOCK),
            masks=np.empty((parts, rows * -(-widest // BLOCK)), np.uint64),
            panels=for_each(BLOCK * WIDEST),
        )
