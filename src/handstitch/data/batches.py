"""Mini-batches: gathered from uint8 images and scaled into one reused buffer."""

from __future__ import annotations

from math import ceil

import numpy as np

from handstitch.arrays import Images, Indices, Labels, Matrix
from handstitch.data.scaling import Scaling
from handstitch.randomness import Purpose, generator


class Batches:
    """Mini-batches of at most `batch_size` of the chosen images.

    Images stay uint8; no float copy of the data set is made.
    """

    def __init__(
        self,
        images: Images,
        labels: Labels,
        train_indices: Indices,
        scaling: Scaling,
        batch_size: int,
    ) -> None:
        self.scaling = scaling
        self.train_indices = train_indices
        self.batch_size = min(batch_size, len(train_indices))
        self.images = images.reshape(len(images), -1)
        self.labels = labels.astype(np.intp)  # positions of the 1 in a one-hot row
        self._pixels = np.empty((self.batch_size, self.images.shape[1]), np.uint8)
        self._picked = np.empty(self.batch_size, np.intp)

    def __len__(self) -> int:
        """Batches in an epoch; the last may be short."""
        return ceil(len(self.train_indices) / self.batch_size)

    def epoch_order(self, seed: int, epoch: int) -> Indices:
        """The chosen images in the order of this epoch: a function of seed and epoch alone."""
        return generator(seed, Purpose.SHUFFLE, epoch).permutation(self.train_indices)

    def batch(self, order: Indices, number: int) -> Indices:
        """Batch `number`, counted from 0, of the images in this order."""
        return order[number * self.batch_size : (number + 1) * self.batch_size]

    def gather(self, indices: Indices, X: Matrix) -> Indices:
        """Scale the picked images into X (n, inputs) and give their labels (n,).

        The labels are a view of a buffer that the next call overwrites.
        """
        n = len(indices)
        pixels, labels = self._pixels[:n], self._picked[:n]
        # With any other mode NumPy would gather into a buffer of its own and copy.
        np.take(self.images, indices, axis=0, out=pixels, mode="clip")
        np.take(self.labels, indices, out=labels, mode="clip")
        self.scaling.apply(pixels, X)
        return labels
