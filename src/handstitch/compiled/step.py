"""The numba backend: trains a network's θ and an optimizer's slots in one compiled loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numba
import numpy as np

from handstitch.arrays import Images, Indices, Labels, Vector, aligned_zeros
from handstitch.compiled import matmul, optimizers, panels, windows
from handstitch.compiled.bfloat16 import FORMATS
from handstitch.compiled.classifier import CompiledClassifier
from handstitch.compiled.kernels import MASK_BITS
from handstitch.compiled.layout import Buffers, Compaction, layout_of
from handstitch.compiled.network import forward_backward
from handstitch.compiled.optimizers import Target
from handstitch.compiled.philox import philox_state
from handstitch.core.network import Network
from handstitch.core.optimizers import Optimizer
from handstitch.data.augmentation import Variants
from handstitch.data.batches import Batches, Subset

_AS_THEY_ARE: Final = Variants(np.empty((0, 7), np.int64), np.zeros(3, np.int64), 0)


class NumbaBackend:
    """Gather a batch, forward, loss, backward, update, compiled; the interface of NumpyBackend."""

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        batches: Batches,
        threads: int,
        label_smoothing: float = 0.0,
        unit: str | None = None,
    ) -> None:
        """`unit` multiplies bfloat16 numbers; None: products are float32's."""
        sizes, n = network.parameters.sizes, batches.batch_size
        self.network = network
        self.optimizer = optimizer
        self.batches = batches
        self._threads = threads
        # Read-only in every case: writable images would be another type, and compiled for anew.
        self._images = batches.images.view()
        self._images.flags.writeable = False
        self._layout = layout_of(network)
        self._compaction = Compaction(self._layout) if network.receptive_fields else None
        # θ and the slots, and what a step changes: the same vectors, or compact copies of them.
        self._whole = [network.parameters.vector, *(s.vector for s in optimizer.slots.values())]
        self._trained = self._whole
        self._gradient: Vector | None = optimizer.gradient.vector if optimizer.gradient else None
        self._is_ahead = False
        if self._compaction:
            self._trained = [self._compaction.zeros(vector) for vector in self._whole]
            if optimizer.gradient:
                self._gradient = self._compaction.zeros(optimizer.gradient.vector)
        self._squares = np.empty(-(-self._trained[0].size // optimizers.CHUNK))
        input_dropout, dropout = self._layout.dropout
        hidden, widest = sum(sizes[1:-1]), max(sizes)
        outputs = aligned_zeros(n * hidden + MASK_BITS)
        has_windows = self._compaction is not None
        masks = max(matmul.MASKS, n * -(-widest // MASK_BITS))
        turned = max(matmul.TURNED, windows.turned_size(n) * has_windows)
        kind = FORMATS[unit]
        rounded = panels.rounded_size(n, widest) if unit else 0
        self._buffers = Buffers(
            X=aligned_zeros(n * sizes[0] + MASK_BITS),
            outputs=outputs,
            dropped=aligned_zeros(outputs.size) if dropout else outputs,
            masks=aligned_zeros(n * hidden * bool(dropout)),
            uniforms=aligned_zeros(n * hidden * bool(dropout)),
            input_uniforms=aligned_zeros(n * sizes[0] * bool(input_dropout)),
            gradients=aligned_zeros(outputs.size),
            logits=aligned_zeros(n * sizes[-1] + MASK_BITS),
            targets=aligned_zeros(n * sizes[-1]),
            smoothing=np.float32(label_smoothing),
            weights=aligned_zeros(0) if batches.weights is None else batches.weights,
            initial=aligned_zeros(hidden),
            zeros=aligned_zeros(widest),
            nonzero_masks=np.empty((threads, masks), np.uint64),
            panels=aligned_zeros(threads * matmul.PANELS, kind).reshape(threads, -1),
            tiles=aligned_zeros(windows.tiles_size(n, sizes[0]) * has_windows),
            turned=aligned_zeros(threads * turned, kind).reshape(threads, turned),
            rounded=aligned_zeros(threads * rounded, kind).reshape(threads, rounded),
            losses=np.empty(n),
            is_correct=np.empty(n, np.int64),
        )
        # So that pixels that are 0 stay 0 in X, what an offset adds to every pixel is kept apart.
        offset, scale = batches.scaling
        shift = 0.0
        if isinstance(offset, float) and isinstance(scale, float) and input_dropout == 0:
            offset, shift = 0.0, (0.0 - offset) * scale
        if self._compaction and np.any(offset):
            raise ValueError("receptive fields, an offset of the pixels and their dropout")
        vectors = [np.atleast_1d(np.asarray(one, np.float32)) for one in (offset, scale)]
        self._scaling = (*vectors, np.float32(shift))

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Within, numba uses this backend's number of threads, and θ may lag: see `store`."""
        if self._compaction:
            for vector, trained in zip(self._whole, self._trained, strict=True):
                self._compaction.compact(vector, trained)
        before = numba.get_num_threads()
        numba.set_num_threads(min(self._threads, numba.config.NUMBA_NUM_THREADS))
        try:
            yield
        finally:
            numba.set_num_threads(before)
            self.store()

    def store(self) -> None:
        """Bring θ and the optimizer's slots up to date.

        With receptive fields, a step changes compact copies alone; `validate` and the end of
        `threads` call this, too.
        """
        if self._compaction and self._is_ahead:
            for vector, trained in zip(self._whole, self._trained, strict=True):
                self._compaction.expand(trained, vector)
        self._is_ahead = False

    def train_batch(
        self,
        indices: Indices,
        learning_rate: float,
        scale: float,
        limit: float,
        rng: np.random.Generator | None,
        *,
        variants: Variants | None = None,
        mixing: float = 1.0,
    ) -> tuple[float, int]:
        """As NumpyBackend.train_batch."""
        layout, buffers = self._layout, self._buffers
        into = self._into(learning_rate, scale)
        if rng is None:
            layout = layout._replace(dropout=np.zeros_like(layout.dropout))
            buffers = buffers._replace(dropped=buffers.outputs)
        loss, correct = forward_backward(
            self._threads,
            len(indices),
            self._images,
            self.batches.labels,
            indices,
            variants or _AS_THEY_ARE,
            self.batches.pixels,
            float(mixing),
            *self._scaling,
            limit,
            layout,
            self._trained[0],
            philox_state(rng),
            into,
            buffers,
        )
        if loss <= limit:
            self._is_ahead = True
            self._update(into)
        return loss, correct

    def validate(self, images: Images | Subset, labels: Labels) -> tuple[float, float]:
        """As NumpyBackend.validate."""
        self.store()
        axes = len(images.shape) - 1
        classifier = CompiledClassifier(self.network, self.batches.scaling, self._threads, axes)
        return classifier.loss_and_accuracy(images, labels)

    def _into(self, learning_rate: float, scale: float) -> Target:
        """The target of a batch's gradient, with the update by each part of it; without where its
        norm is bounded, which is known once all of it is stored.
        """
        optimizer, (theta, *slots) = self.optimizer, self._trained
        steps = optimizer.steps
        h = optimizer.prepare(learning_rate)
        optimizer.steps = steps  # a batch whose loss is too high does not count
        is_updated = self._gradient is not None and not optimizer.clip_norm
        _, alpha, beta, beta_biases = optimizer.into(learning_rate, scale)
        slot0, slot1 = [*slots, theta, theta][:2]
        return Target(
            parameters=theta if self._gradient is None else self._gradient,
            alpha=alpha,
            beta=beta,
            beta_biases=beta_biases,
            rule_id=optimizers.RULE_IDS[optimizer.rule] if is_updated else -1,
            coefficients=np.array(h, np.float32),
            decays=optimizer.weight_decay > 0,
            decays_biases=optimizer.weight_decay > 0 and optimizer.decay_biases,
            theta=theta,
            slot0=slot0,
            slot1=slot1,
        )

    def _update(self, into: Target) -> None:
        """As Optimizer.step, but for what forward_backward has updated."""
        optimizer, parameters = self.optimizer, self.network.parameters
        optimizer.steps += 1
        if optimizer.clip_norm:
            spared = parameters.vector.size - parameters.decayed(optimizer.decay_biases).size
            optimizers.update(
                self._threads,
                into._replace(rule_id=optimizers.RULE_IDS[optimizer.rule]),
                float(optimizer.clip_norm),
                into.theta.size - spared if optimizer.weight_decay else 0,
                self._squares,
            )
