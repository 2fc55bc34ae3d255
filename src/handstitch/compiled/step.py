"""The numba backend: trains a network's θ and an optimizer's slots in one compiled loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numba
import numpy as np

from handstitch.arrays import Images, Indices, Labels, aligned_zeros
from handstitch.compiled import optimizers
from handstitch.compiled.classifier import CompiledClassifier
from handstitch.compiled.kernels import MASK_BITS, PANEL_WIDTH
from handstitch.compiled.layout import Buffers, layout_of
from handstitch.compiled.network import forward_backward
from handstitch.compiled.philox import philox_state
from handstitch.core.network import Network
from handstitch.core.optimizers import Optimizer
from handstitch.core.update_rules import Coefficients
from handstitch.data.augmentation import Variants
from handstitch.data.batches import Batches, Subset

_AS_THEY_ARE: Final = Variants(np.empty((0, 7), np.int64), np.zeros(3, np.int64), 0)


class NumbaBackend:
    """Gather a batch, forward, loss, backward, update, compiled; the interface of NumpyBackend."""

    def __init__(
        self, network: Network, optimizer: Optimizer, batches: Batches, threads: int
    ) -> None:
        sizes, n = network.parameters.sizes, batches.batch_size
        self.network = network
        self.optimizer = optimizer
        self.batches = batches
        self._threads = threads
        # Read-only in every case: writable images would be another type, and compiled for anew.
        self._images = batches.images.view()
        self._images.flags.writeable = False
        self._layout = layout_of(network)
        self._squares = np.empty(-(-network.parameters.vector.size // optimizers.CHUNK))
        input_dropout, dropout = self._layout.dropout
        hidden, widest = sum(sizes[1:-1]), max(sizes)
        outputs = aligned_zeros(n * hidden + MASK_BITS)
        self._buffers = Buffers(
            X=aligned_zeros(n * sizes[0] + MASK_BITS),
            outputs=outputs,
            dropped=aligned_zeros(outputs.size) if dropout else outputs,
            masks=aligned_zeros(n * hidden * bool(dropout)),
            uniforms=aligned_zeros(n * hidden * bool(dropout)),
            input_uniforms=aligned_zeros(n * sizes[0] * bool(input_dropout)),
            gradients=aligned_zeros(outputs.size),
            logits=aligned_zeros(n * sizes[-1] + MASK_BITS),
            initial=aligned_zeros(hidden),
            zeros=aligned_zeros(widest),
            nonzero_masks=np.empty((threads, max(widest, n * -(-widest // MASK_BITS))), np.uint64),
            panels=aligned_zeros(threads * MASK_BITS * PANEL_WIDTH).reshape(threads, -1),
            losses=np.empty(n),
            is_correct=np.empty(n, np.int64),
        )
        # So that pixels that are 0 stay 0 in X, what an offset adds to every pixel is kept apart.
        offset, scale = batches.scaling
        shift = 0.0
        if isinstance(offset, float) and isinstance(scale, float) and input_dropout == 0:
            offset, shift = 0.0, (0.0 - offset) * scale
        vectors = [np.atleast_1d(np.asarray(one, np.float32)) for one in (offset, scale)]
        self._scaling = (*vectors, np.float32(shift))

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Within, numba uses this backend's number of threads."""
        before = numba.get_num_threads()
        numba.set_num_threads(min(self._threads, numba.config.NUMBA_NUM_THREADS))
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
        *,
        variants: Variants | None = None,
        mixing: float = 1.0,
    ) -> tuple[float, int]:
        """As NumpyBackend.train_batch."""
        into = self.optimizer.into(learning_rate, scale)
        layout, buffers = self._layout, self._buffers
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
            self.network.parameters.vector,
            philox_state(rng),
            into._replace(parameters=into.parameters.vector),  # type: ignore[arg-type] # no object
            buffers,
        )
        if loss <= limit:
            self._update(learning_rate)
        return loss, correct

    def validate(self, images: Images | Subset, labels: Labels) -> tuple[float, float]:
        """As NumpyBackend.validate."""
        axes = len(images.shape) - 1
        classifier = CompiledClassifier(self.network, self.batches.scaling, self._threads, axes)
        return classifier.loss_and_accuracy(images, labels)

    def _update(self, learning_rate: float) -> None:
        """As Optimizer.step."""
        optimizer, parameters = self.optimizer, self.network.parameters
        h = optimizer.prepare(learning_rate)
        if optimizer.gradient is None:
            return
        G = optimizer.gradient.vector
        slot0, slot1 = [*(slot.vector for slot in optimizer.slots.values()), G, G][:2]
        optimizers.update(
            self._threads,
            optimizers.RULE_IDS[optimizer.rule],
            Coefficients._make(map(np.float32, h)),
            float(optimizer.clip_norm),
            parameters.decayed(optimizer.decay_biases).size if optimizer.weight_decay else 0,
            parameters.vector,
            G,
            slot0,
            slot1,
            self._squares,
        )
