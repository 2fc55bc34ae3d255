"""Mini-batches: gathered from the data set and scaled into one reused buffer."""

from __future__ import annotations

from functools import cached_property
from math import ceil
from mmap import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images, Indices, Labels, Matrix, Vector
from handstitch.data.augmentation import Variants, mix, vary
from handstitch.data.scaling import Scaling
from handstitch.randomness import Purpose, generator


class Batches:
    """Mini-batches of at most `batch_size` of the chosen images.

    Images stay as they are; no float copy of the data set is made.
    """

    def __init__(
        self,
        images: Images,
        labels: Labels,
        train_indices: Indices,
        scaling: Scaling,
        batch_size: int,
        *,
        weights: Vector | None = None,
    ) -> None:
        self.scaling = scaling
        self.train_indices = train_indices
        self.batch_size = min(batch_size, len(train_indices))
        # A plain view: indexing a numpy.memmap takes several times as long.
        self.images: Images = np.asarray(images).reshape(len(images), -1)
        self.labels = labels.astype(np.intp)  # positions of the 1 in a one-hot row
        self.pixels: Images = np.empty((self.batch_size, self.images.shape[1]), images.dtype)
        """Scratch: the pixels of a batch before scaling."""
        self._picked = np.empty(self.batch_size, np.intp)
        self.weights = weights
        """In the loss, of every image; None where each is 1."""
        self._picked_weights = np.empty(self.batch_size, np.float32)

    def __len__(self) -> int:
        """Batches in an epoch; the last may be short."""
        return ceil(len(self.train_indices) / self.batch_size)

    def epoch_order(self, seed: int, epoch: int) -> Indices:
        """The chosen images in the order of this epoch: a function of seed and epoch alone."""
        return generator(seed, Purpose.SHUFFLE, epoch).permutation(self.train_indices)

    def batch(self, order: Indices, number: int) -> Indices:
        """Batch `number`, counted from 0, of the images in this order."""
        return order[number * self.batch_size : (number + 1) * self.batch_size]

    def gather(
        self,
        indices: Indices,
        X: Matrix,
        variants: Variants | None = None,
        mixing: float = 1.0,
    ) -> Indices:
        """Scale the picked images, or variants of them, into X (n, inputs); give their labels (n,).

        With `mixing` below 1, each is mixed with the next. The labels are a view of a buffer that
        the next call overwrites.
        """
        n = len(indices)
        pixels, labels = self.pixels[:n], self._picked[:n]
        if variants is None:
            # With any other mode NumPy would gather into a buffer of its own and copy.
            np.take(self.images, indices, axis=0, out=pixels, mode="clip")
        else:
            originals, varied = (
                flat.reshape(-1, *variants.shape) for flat in (self.images, pixels)
            )
            for index, move, out in zip(indices, variants.moves.tolist(), varied, strict=True):
                vary(originals[index], move, variants.fill, out)
        if mixing < 1:
            mix(pixels, mixing)
        np.take(self.labels, indices, out=labels, mode="clip")
        self.scaling.apply(pixels, X)
        return labels

    def gather_weights(self, indices: Indices) -> Vector | None:
        """The weights of the picked images, in a buffer that the next call overwrites."""
        if self.weights is None:
            return None
        picked = self._picked_weights[: len(indices)]
        np.take(self.weights, indices, out=picked, mode="clip")
        return picked

    def total_weight(self, indices: Indices) -> float:
        """What a mean over these images divides by: Σ of their weights, or 1 where all are 0."""
        if self.weights is None:
            return len(indices)
        return float(np.sum(self.weights[indices], dtype=np.float64)) or 1.0

    @cached_property
    def mean_weight(self) -> float:
        """Of the images trained on."""
        return self.total_weight(self.train_indices) / len(self.train_indices)


class Subset:
    """Chosen samples of a data set, gathered where they are sliced: no copy is kept."""

    def __init__(self, images: Images, chosen: Indices) -> None:
        self._images = images
        self._chosen = chosen
        self.shape = (len(chosen), *images.shape[1:])

    def __len__(self) -> int:
        """The number of samples."""
        return len(self._chosen)

    def __getitem__(self, rows: slice) -> Images:
        """A copy of some of the samples."""
        return self._images[self._chosen[rows]]


def choose(images: Images, chosen: Indices) -> Images | Subset:
    """The chosen samples: a copy, or a Subset of a memory map, which may be larger than memory."""
    return Subset(images, chosen) if is_memory_mapped(images) else images[chosen]


def is_memory_mapped(array: NDArray[Any]) -> bool:
    """Whether the array, or what it is a view of, lies in a file."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap)
