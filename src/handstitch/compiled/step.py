"""The compiled step on a network's θ and an optimizer's slots, behind the readable step's face."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt

import numba
import numpy as np

from handstitch import machine
from handstitch.arrays import Indices, Vector
from handstitch.compiled import loop, moves, sgemm
from handstitch.compiled.layout import Buffers, Target, laid_out, shares
from handstitch.core.network import Network
from handstitch.core.optimizers import OPTIMIZERS, Optimizer
from handstitch.data.batches import Batches


class CompiledStep:
    """One step of training on `batches`; interface and mathematics of steps.ReadableStep."""

    def __init__(
        self, network: Network, optimizer: Optimizer, batches: Batches, threads: int
    ) -> None:
        sizes, n = network.parameters.sizes, batches.batch_size
        self.network = network
        self.optimizer = optimizer
        self.batches = batches
        self.parts = threads
        # One type for arrays that may be written and those that may not: one compilation.
        self._images = batches.images.view()
        self._images.flags.writeable = False
        self._layout = laid_out(network)
        self._shares = shares(network.parameters.vector.size, threads)
        drop = self._layout.drop
        self._drawn = [sizes[0] * bool(drop[0]), sum(sizes[1:-1]) * bool(drop[1])]
        hidden = sum(sizes[1:-1]) * n
        A, pixels, M = (
            np.empty(size, np.float32) for size in (hidden, *(n * d for d in self._drawn))
        )
        self._buffers = Buffers(
            np.empty((n, sizes[0]), np.float32),
            A,
            np.empty_like(A) if drop[1] else A,
            M,
            pixels,
            np.empty_like(A),
            np.empty(n * sizes[-1], np.float32),
            np.zeros((threads, 3)),
        )

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Within, this step has its threads: each part one, and the BLAS none of its own."""
        before = numba.get_num_threads()
        numba.set_num_threads(min(self.parts, numba.config.NUMBA_NUM_THREADS))
        try:
            with machine.blas_threads(1):
                yield
        finally:
            numba.set_num_threads(before)

    def take(
        self,
        picks: Indices,
        learning_rate: float,
        scale: float,
        limit: float,
        rng: np.random.Generator | None,
    ) -> tuple[float, int]:
        """As ReadableStep.take."""
        n, work, optimizer = len(picks), self._buffers, self.optimizer
        if rng is not None:
            for place, count in zip((work.pixels, work.M), self._drawn, strict=True):
                rng.random(out=place[: n * count], dtype=np.float32)
        into = optimizer.into(learning_rate, scale)
        target = Target(into.parameters.vector, into.alpha, into.beta, into.beta_biases)
        scaling, theta = self.batches.scaling, self.network.parameters.vector
        loss, correct = loop.step(
            sgemm.ADDRESS,
            self.parts,
            n,
            self._images,
            self.batches.labels,
            picks,
            np.float32(scaling.offset),
            np.float32(scaling.scale),
            limit,
            self._layout,
            theta,
            target,
            work,
        )
        if not loss <= limit:
            return loss, correct
        self._move(learning_rate, target.vector)
        return loss, correct

    def _move(self, learning_rate: float, G: Vector) -> None:
        """What Optimizer.step does, where `backward` has not done all of it."""
        optimizer, h = self.optimizer, self.optimizer.constants
        optimizer.steps += 1
        parameters = optimizer.parameters
        if G is parameters.vector:
            return
        slots = [slot.vector for slot in optimizer.slots.values()]
        first, second = [*slots, G, G][:2]
        eta, root, t = learning_rate, 1.0, optimizer.steps
        if len(slots) == 2:
            eta, root = eta / (1 - h.beta1**t), sqrt(1 - h.beta2**t)
        numbers = np.array([eta, h.momentum, h.beta1, h.beta2, h.epsilon, root], np.float32)
        decay, decoupled = optimizer.weight_decay, optimizer.decoupled
        moves.update(
            self._shares,
            list(OPTIMIZERS).index(optimizer.rule),
            numbers,
            float(optimizer.clip_norm),
            np.float32(0 if decoupled else decay),
            np.float32(1 - learning_rate * decay if decoupled else 1),
            parameters.decayed(optimizer.decay_biases).size if decay else 0,
            parameters.vector,
            G,
            first,
            second,
            self._buffers.sums,
        )
