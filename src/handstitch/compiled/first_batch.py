"""A batch of two images, trained and evaluated: it shows that numba works, and compiles."""

from __future__ import annotations

import numpy as np

from handstitch.compiled.classifier import CompiledClassifier
from handstitch.compiled.step import NumbaBackend
from handstitch.core.network import Network
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import Parameters
from handstitch.data.batches import Batches
from handstitch.data.scaling import Scaling

SIZES = (4, 3, 2)
IMAGES = np.zeros((2, 2, 2), np.uint8)


def train(clip_norm: float = 0.0) -> CompiledClassifier:
    """Train a batch with Adam, and evaluate it; gives the network as a classifier."""
    labels = np.zeros(2, np.uint8)
    parameters = Parameters.random(SIZES, np.random.Generator(np.random.Philox(0)))
    network = Network(parameters, ("relu",))
    optimizer = Optimizer(parameters, "adam", clip_norm=clip_norm)
    batches = Batches(IMAGES, labels, np.arange(2), Scaling(0.0, 1 / 256), batch_size=2)
    backend = NumbaBackend(network, optimizer, batches, threads=1)
    with backend.threads():
        backend.train_batch(np.arange(2), 0.001, 0.5, np.inf, None)
        backend.validate(IMAGES, labels)
    return CompiledClassifier(network, batches.scaling)
