"""The compiled forward pass of one image: for whoever asks again and again."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from handstitch import machine
from handstitch.arrays import Images, Vector
from handstitch.compiled import loop
from handstitch.compiled.layout import laid_out
from handstitch.core.network import Network
from handstitch.data.scaling import Scaling

_SHARE: Final = 200_000
"""Weights that are worth a thread: reading fewer takes no longer than waking it."""


class CompiledSingle:
    """P of one image at a time, with what it computes in allocated once: for one thread."""

    def __init__(self, network: Network, scaling: Scaling) -> None:
        parameters = network.parameters
        most = min(machine.cores(), numba.config.NUMBA_NUM_THREADS)
        self._parts = max(1, min(most, parameters.weight_count // _SHARE))
        self._offset, self._scale = np.float32(scaling.offset), np.float32(scaling.scale)
        layout = laid_out(network)
        self._places = (layout.sizes, layout.W, layout.b, layout.kinds)
        self._theta = parameters.vector
        # Of its own: an image that may not be written would be another type, and compiled for anew.
        self._pixels = np.empty(parameters.sizes[0], np.uint8)
        self._x = np.empty(parameters.sizes[0], np.float32)
        self._A = np.empty(sum(parameters.sizes[1:]), np.float32)
        self._classes = parameters.sizes[-1]

    def __call__(self, image: Images) -> Vector:
        """P (classes,) of an image (rows, columns), uint8."""
        np.copyto(self._pixels, image.reshape(-1))
        P = np.empty(self._classes, np.float32)
        before = numba.get_num_threads()
        numba.set_num_threads(self._parts)
        loop.classify(
            self._parts,
            self._pixels,
            self._offset,
            self._scale,
            *self._places,
            self._theta,
            self._x,
            self._A,
            P,
        )
        numba.set_num_threads(before)
        return P
