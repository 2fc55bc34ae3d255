"""Data set: images or features, labels and class names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike

from handstitch.arrays import Images, Labels, Vector
from handstitch.data.labels import number_labels
from handstitch.data.samples import SampleLike, as_samples, require_finite
from handstitch.errors import DataError, printable

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

LARGEST_WEIGHT: Final = 1e6
"""Of a sample in the loss: beyond, float32 forgets the other samples."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """One part of a data set, in memory or in a memory-mapped file.

    Raises DataError unless images and labels match, so that users of a Dataset need not check.
    """

    name: str
    """`fashion-mnist`, `mnist`, `sketch`, or `arrays` for images passed from Python."""
    part: str
    """`train` or `test`."""
    images: Images
    """uint8 (n, rows, columns) or (n, rows, columns, 3), 0 to 255; or float32 (n, features)."""
    labels: Labels
    """(n,), each below the number of class names."""
    class_names: tuple[str, ...]
    location: str
    """The folder it was read from, or where else the images are from."""
    digest: str = ""
    """SHA-256 of samples, labels and weights (`digest_of`), which identifies the data of a run;
    computed where it is empty."""
    weights: Vector | None = None
    """float32 (n,), from 0: what each sample counts in the training loss; None: 1."""

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        is_features = images.ndim == 2 and images.dtype == np.float32
        is_grey = images.ndim == 3 and images.dtype == np.uint8
        is_colour = images.ndim == 4 and images.shape[-1] == 3 and images.dtype == np.uint8
        if not (
            (is_features or is_grey or is_colour)
            and images.size > 0
            and images.flags.c_contiguous
            and labels.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}
            and labels.shape == images.shape[:1]
        ):
            odd = "" if images.flags.c_contiguous else ", not in C order"
            if images.shape[1:] == (0,):
                odd = f": 0 feature(s) (shape={images.shape}) while a minimum of 1 is required."
            raise DataError(
                "images or labels have the wrong type or shape",
                found=f"labels {labels.dtype} {labels.shape}, "
                f"images {images.dtype} {images.shape}{odd}",
                wanted="uint8 images (n, rows, columns) or (n, rows, columns, 3) in C order, or "
                "float32 features (n, features); a label for each",
                fix="one label for each image; Dataset.from_arrays converts what it can",
            )
        _require_class_names(self.class_names)
        if labels.max() >= len(self.class_names):
            raise DataError(
                "a label has no class name",
                found=f"label {labels.max()}, {len(self.class_names)} class names",
                wanted=f"labels from 0 to {len(self.class_names) - 1}",
                fix="name every class, counting from 0",
            )
        require_finite(images)
        if self.weights is not None:
            _require_weights(self.weights, len(labels))
        if not self.digest:
            object.__setattr__(self, "digest", digest_of(images, labels, self.weights))

    @classmethod
    def from_arrays(
        cls,
        images: SampleLike,
        labels: ArrayLike,
        class_names: Iterable[str] | None = None,
        part: str = "train",
        weights: ArrayLike | None = None,
    ) -> Self:
        """The data set of these images or features with these labels (n,).

        Images are whole numbers from 0 to 255, (n, rows, columns) or (n, rows, columns, 3);
        features (n, features) are numbers, kept as float32. Without `class_names` the distinct
        labels are the classes, numbers by value and words in natural order. With them, whole
        numbers count them from 0, and words are looked up in them. uint8 images and float32
        features in C order are not copied, so that a memory map stays one. `weights` (n,) are
        numbers from 0: what each sample counts in the training loss, 2 as if it were there twice.
        Raises DataError for anything else.
        """
        samples, numbered = as_samples(images), number_labels(labels, class_names)
        where = "arrays passed from Python"
        if weights is not None:
            weights = _as_weights(weights)
        return cls(
            "arrays", part, samples, numbered.numbers, numbered.names, where, weights=weights
        )

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(rows, columns) or (rows, columns, 3) of an image, or (features,)."""
        return self.images.shape[1:]

    @property
    def inputs(self) -> int:
        """Numbers of a sample: the number of the network's inputs."""
        return prod(self.image_shape)

    def counts(self) -> list[int]:
        """The number of images of each class, in the order of `class_names`."""
        return [int(n) for n in np.bincount(self.labels, minlength=len(self.class_names))]


def digest_of(images: Images, labels: Labels, weights: Vector | None = None) -> str:
    """SHA-256, in hexadecimal, of all pixels or features in order followed by all labels, and by
    the weights if there are any.

    All in C order. It does not depend on the files' compression.
    """
    import hashlib

    digest = hashlib.sha256(images.data)
    digest.update(labels.data)
    if weights is not None:
        digest.update(weights.data)
    return digest.hexdigest()


def _as_weights(weights: ArrayLike) -> Vector:
    """Weights as float32, a copy; DataError where they are no numbers."""
    try:
        return np.array(weights, np.float64).astype(np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise _wrong_weights(str(error)) from error


def _require_weights(weights: Vector, n: int) -> None:
    """Raise DataError unless these are weights of n samples."""
    if weights.dtype != np.float32 or weights.shape != (n,) or not weights.flags.c_contiguous:
        raise _wrong_weights(f"weights {weights.dtype} {weights.shape} of {n:,} samples")
    is_odd = ~((weights >= 0) & (weights <= LARGEST_WEIGHT))  # NaN, too
    if is_odd.any():
        position = int(np.argmax(is_odd))
        raise _wrong_weights(f"{weights[position]:g} at position {position:,}, counted from 0")


def _wrong_weights(found: str) -> DataError:
    return DataError(
        "these cannot be the weights of samples",
        found=found,
        wanted="a number from 0 to 1e6 for each sample (n,)",
        fix="give one weight for each sample; 0 leaves a sample out of the loss",
    )


def _require_class_names(names: tuple[str, ...]) -> None:
    """Raise DataError for names that a model file could not hold, or that are the same."""
    odd = [name for name in names if not 0 < len(name) <= 200 or printable(name) != name]
    same = [name for name, other in pairwise(sorted(names)) if name == other]
    if odd or same:
        raise DataError(
            "this cannot be the name of a class" if odd else "two classes have one name",
            found=repr((odd or same)[0])[:220],
            wanted="names of 1 to 200 visible characters, each of one class",
            fix="rename the class",
        )
