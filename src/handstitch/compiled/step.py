"""The compiled step on a network's θ and an optimizer's slots, behind the readable step's face."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt

import numba
import numpy as np

from handstitch.arrays import Images, Indices, Labels, Vector, zeros
from handstitch.compiled import network as loop
from handstitch.compiled import optimizers
from handstitch.compiled.classifier import CompiledClassifier
from handstitch.compiled.layout import Buffers, Target, laid_out
from handstitch.compiled.philox import stream_of
from handstitch.compiled.simd import BLOCK, WIDEST
from handstitch.core.network import Network
from handstitch.core.optimizers import OPTIMIZERS, Optimizer
from handstitch.data.batches import Batches


class NumbaBackend:
    """One step of training on `batches`; interface and mathematics of NumpyBackend."""

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
        self._squares = np.empty(-(-network.parameters.vector.size // optimizers.BLOCK))
        drop = self._layout.drop
        hidden, widest = sum(sizes[1:-1]), max(sizes)
        A = zeros(n * hidden + BLOCK)
        self._buffers = Buffers(
            X=zeros(n * sizes[0] + BLOCK),
            A=A,
            D=zeros(A.size) if drop[1] else A,
            M=zeros(n * hidden * bool(drop[1])),
            chances=zeros(n * hidden * bool(drop[1])),
            pixels=zeros(n * sizes[0] * bool(drop[0])),
            dZ=zeros(A.size),
            top=zeros(n * sizes[-1] + BLOCK),
            start=zeros(hidden),
            zeros=zeros(widest),
            masks=np.empty((threads, max(widest, n * -(-widest // BLOCK))), np.uint64),
            panels=zeros(threads * BLOCK * WIDEST).reshape(threads, -1),
            losses=np.empty(n),
            hits=np.empty(n, np.int64),
        )
        # Pixels that are 0 stay 0 in X, whatever the offset; `base` stands for it.
        scaling = batches.scaling
        offset = 0.0 if drop[0] == 0 else scaling.offset
        base = (offset - scaling.offset) * scaling.scale
        self._scaling = [np.float32(number) for number in (offset, scaling.scale, base)]

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Within, this step has its threads."""
        before = numba.get_num_threads()
        numba.set_num_threads(min(self.parts, numba.config.NUMBA_NUM_THREADS))
        try:
            yield
        finally:
            numba.set_num_threads(before)

    def train_batch(
        self,
        indices: Indices,
        learning_rate: float,
        scale: float,
        limit: float,
        rng: np.random.Generator | None,
    ) -> tuple[float, int]:
        """As NumpyBackend.train_batch."""
        n, work, optimizer = len(indices), self._buffers, self.optimizer
        stream = stream_of(rng)
        into = optimizer.into(learning_rate, scale)
        target = Target(into.parameters.vector, into.alpha, into.beta, into.beta_biases)
        theta = self.network.parameters.vector
        loss, correct = loop.step(
            self.parts,
            n,
            self._images,
            self.batches.labels,
            indices,
            *self._scaling,
            limit,
            self._layout,
            theta,
            stream,
            target,
            work,
        )
        if not loss <= limit:
            return loss, correct
        self._move(learning_rate, target.vector)
        return loss, correct

    def validate(self, images: Images, labels: Labels) -> tuple[float, float]:
        """As NumpyBackend.validate."""
        classifier = CompiledClassifier(self.network, self.batches.scaling, self.parts)
        return classifier.loss_and_accuracy(images, labels)

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
        optimizers.update(
            self.parts,
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
            self._squares,
        )
