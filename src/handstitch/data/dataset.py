"""Data set in memory: images, labels and class names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from handstitch.arrays import Images, Labels
from handstitch.errors import DataError

GARMENTS: Final = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""Class names of Fashion-MNIST, and of `sketch`, which has the same classes."""

DIGITS: Final = tuple("0123456789")
"""Class names of MNIST."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """One part of a data set, in memory.

    Raises DataError unless images and labels match, so that users of a Dataset need not check.
    """

    name: str
    """`fashion-mnist`, `mnist` or `sketch`."""
    part: str
    """`train` or `test`."""
    images: Images
    """(n, rows, columns), 0 to 255, C-contiguous."""
    labels: Labels
    """(n,), each below the number of class names."""
    class_names: tuple[str, ...]
    digest: str
    """SHA-256 of pixels and labels (`digest_of`): identifies the data of a run."""
    location: str
    """The folder it was read from, or "drawn from a seed"."""

    def __post_init__(self) -> None:
        if not (
            self.images.dtype == self.labels.dtype == np.uint8
            and self.images.ndim == 3
            and self.images.size > 0
            and self.images.flags.c_contiguous
            and self.labels.shape == self.images.shape[:1]
        ):
            raise DataError(
                "images and labels do not match",
                found=f"images {self.images.dtype} {self.images.shape}, "
                f"labels {self.labels.dtype} {self.labels.shape}",
                wanted="uint8 images (n, rows, columns), C-contiguous, and uint8 labels (n,)",
                fix="pass arrays of these shapes",
            )
        if self.labels.max() >= len(self.class_names):
            raise DataError(
                "a label has no class name",
                found=f"label {self.labels.max()}, {len(self.class_names)} class names",
                wanted=f"labels from 0 to {len(self.class_names) - 1}",
                fix="name every class, counting from 0",
            )

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int]:
        """Rows and columns of an image."""
        _, rows, columns = self.images.shape
        return rows, columns

    @property
    def inputs(self) -> int:
        """Pixels of an image: the number of the network's inputs."""
        return int(self.images[0].size)

    def counts(self) -> list[int]:
        """The number of images of each class, in the order of `class_names`."""
        return [int(n) for n in np.bincount(self.labels, minlength=len(self.class_names))]


def digest_of(images: Images, labels: Labels) -> str:
    """SHA-256, in hexadecimal, of all pixels in order followed by all labels.

    Both C-contiguous. It does not depend on the files' compression.
    """
    import hashlib

    digest = hashlib.sha256(images.data)
    digest.update(labels.data)
    return digest.hexdigest()
