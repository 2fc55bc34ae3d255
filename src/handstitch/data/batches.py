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
        chosen: Indices,
        scaling: Scaling,
        batch_size: int,
    ) -> None:
        self.scaling = scaling
        self.chosen = chosen
        self.batch_size = min(batch_size, len(chosen))
        self.images = images.reshape(len(images), -1)
        self.labels = labels.astype(np.intp)  # positions of the 1 in a one-hot row
        self._pixels = np.empty((self.batch_size, self.images.shape[1]), np.uint8)
        self._picked = np.empty(self.batch_size, np.intp)

    def __len__(self) -> int:
        """Batches per epoch; the last may be smaller."""
        return ceil(len(self.chosen) / self.batch_size)

    def order(self, seed: int, epoch: int) -> Indices:
        """The chosen images shuffled for this epoch: a function of seed and epoch alone."""
        return self.chosen[generator(seed, Purpose.SHUFFLE, epoch).permutation(len(self.chosen))]

    def part(self, order: Indices, number: int) -> Indices:
        """Batch `number`, counted from 0, of the images in this order."""
        return order[number * self.batch_size : (number + 1) * self.batch_size]

    def gather(self, picks: Indices, X: Matrix) -> Indices:
        """Scale the picked images into X (n, inputs); returns their labels (n,).

        The labels are a view of a buffer that the next call overwrites.
        """
        n = len(picks)
        pixels, labels = self._pixels[:n], self._picked[:n]
        # With any other mode NumPy would gather into a buffer of its own and copy.
        np.take(self.images, picks, axis=0, out=pixels, mode="clip")
        np.take(self.labels, picks, out=labels, mode="clip")
        self.scaling.apply(pixels, X)
        return labels
