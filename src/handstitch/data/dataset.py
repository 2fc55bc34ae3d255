"""Data set in memory: images, labels and class names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike

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
    """`fashion-mnist`, `mnist`, `sketch`, or `arrays` for images passed from Python."""
    part: str
    """`train` or `test`."""
    images: Images
    """(n, rows, columns), 0 to 255, C-contiguous."""
    labels: Labels
    """(n,), each below the number of class names."""
    class_names: tuple[str, ...]
    location: str
    """The folder it was read from, or where else the images are from."""
    digest: str = ""
    """SHA-256 of pixels and labels (`digest_of`), which identifies the data of a run; computed
    where it is empty."""

    def __post_init__(self) -> None:
        if not (
            self.images.dtype == self.labels.dtype == np.uint8
            and self.images.ndim == 3
            and self.images.size > 0
            and self.images.flags.c_contiguous
            and self.labels.shape == self.images.shape[:1]
        ):
            raise DataError(
                "images or labels have the wrong type or shape",
                found=f"images {self.images.dtype} {self.images.shape}, "
                f"labels {self.labels.dtype} {self.labels.shape}",
                wanted="uint8 images (n, rows, columns), C-contiguous, and uint8 labels (n,)",
                fix="one label for each image; pixels as bytes: (255 * images).astype(numpy.uint8) "
                "if they are from 0 to 1",
            )
        if self.labels.max() >= len(self.class_names):
            raise DataError(
                "a label has no class name",
                found=f"label {self.labels.max()}, {len(self.class_names)} class names",
                wanted=f"labels from 0 to {len(self.class_names) - 1}",
                fix="name every class, counting from 0",
            )
        if not self.digest:
            object.__setattr__(self, "digest", digest_of(self.images, self.labels))

    @classmethod
    def from_arrays(
        cls,
        images: ArrayLike,
        labels: ArrayLike,
        class_names: Iterable[str] | None = None,
        part: str = "train",
    ) -> Self:
        """The data set of grey images (n, rows, columns), uint8, with these labels (n,).

        Labels are whole numbers that count classes from 0. `class_names` names each class; left
        out, the names are "0", "1", …. Images in C order are not copied. Raises DataError for
        anything else.
        """
        try:
            pixels, numbers = np.ascontiguousarray(images), np.ascontiguousarray(labels)
        except ValueError as error:
            raise DataError(
                "images or labels are not one array",
                found=str(error),
                wanted="images (n, rows, columns), all of one size, and labels (n,)",
                fix="crop or resize the images to one size",
            ) from error
        is_whole = numbers.dtype.kind in "iu" and numbers.size > 0
        low, high = (int(numbers.min()), int(numbers.max())) if is_whole else (-1, -1)
        if not 0 <= low <= high <= 255:  # they become bytes
            raise DataError(
                "labels must be whole numbers that count classes from 0",
                found=f"labels from {low} to {high}"
                if is_whole
                else f"labels {numbers.dtype} {numbers.shape}",
                wanted="whole numbers from 0 to 255 at most, one for each image",
                fix="number them: names, labels = numpy.unique(labels, return_inverse=True)",
            )
        names = tuple(map(str, range(high + 1) if class_names is None else class_names))
        where = "arrays passed from Python"
        return cls("arrays", part, pixels, numbers.astype(np.uint8), names, where)

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
