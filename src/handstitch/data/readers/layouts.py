"""Arrays as others lay them out → samples: uint8 images or float32 features, with labels.

Images  (n, rows, columns), (n, rows, columns, 1 or 3) or (n, 1 or 3, rows, columns), of whole
        numbers 0 to 255, or of 0 to 1 in steps of 1/255. Other numbers are flattened to features.
Labels  (n,) or (n, 1), whole numbers or words; or one-hot rows (n, classes).

Whatever needs no change is not copied, so that an array on the disk stays there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from handstitch.data.readers.parts import Parts, Samples
from handstitch.errors import DataError, printable
from handstitch.machine import memory

_logger = logging.getLogger(__name__)

PIXELS: Final = (
    "images (n, rows, columns) or (n, rows, columns, 3): whole numbers 0 to 255, or 0 to 1"
)
LABELS: Final = "a label for each image: (n,), whole numbers or words; or one-hot rows"
_PARTS: Final = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing", "t10k"),
}
_KINDS: Final = (  # those that come first say more
    ("images", ("images", "image", "x", "imgs", "pixels")),
    ("labels", ("labels", "label", "y", "targets", "target", "classes")),
    ("images", ("data", "features", "samples")),
)
_SPELLING: Final = {"idx", "idx1", "idx2", "idx3", "idx4", "ubyte", "int", "gz", "npy"}
_ROWS: Final = 256
_EXACT: Final = 1e-3

_Source = TypeVar("_Source")


class Role(NamedTuple):
    """What a name says that a file or array holds."""

    part: str
    """`train`, `validation` or `test`; `train`, too, where the name does not say."""
    kind: str
    """`images` or `labels`; empty where the name does not say."""
    stem: str
    """The name's other words, which tell one data set from another."""


def role(name: str) -> Role:
    """What a name says: emnist-letters-train-images-idx3-ubyte → train, images, emnist-letters."""
    text = re.sub(r"(?<![^\W_])([xy])(train|test|val)|(train|test|val)([xy])(?![^\W_])",
                  r"\1\3 \2\4", name.lower())  # fmt: skip
    words = [word for word in re.findall(r"[^\W_]+", text) if word not in _SPELLING]
    part = next((part for part, said in _PARTS.items() if set(said) & set(words)), "train")
    kind, said = next(((kind, set(said) & set(words)) for kind, said in _KINDS
                       if set(said) & set(words)), ("", set()))  # fmt: skip
    stem = "-".join(word for word in words if word not in {*_PARTS[part], *said})
    return Role(part, kind, stem)


def assemble(
    sources: Mapping[tuple[str, str], _Source],
    read: Callable[[_Source, _Source], Samples],
    where: object,
    *,
    class_names: tuple[str, ...] = (),
    found: str = "",
    fix: str = "",
) -> Parts:
    """The parts of a data set from the sources of (part, kind); a part without labels is left out.

    Raises DataError unless there are training images and labels; it says what was `found`.
    """
    named = [" ".join(source) for source in sources]
    for kind in ("images", "labels"):
        if ("train", kind) not in sources:
            raise DataError(
                f"no training {kind} here",
                file=printable(where),
                found=found or ", ".join(named) or "neither images nor labels",
                wanted=LABELS if kind == "labels" else PIXELS,
                fix=fix or f"put the {kind} beside, with train and {kind} in their name",
            )
    parts = {}
    for part in _PARTS:
        if (part, "images") in sources and (part, "labels") in sources:
            parts[part] = read(sources[part, "images"], sources[part, "labels"])
        elif (part, "images") in sources or (part, "labels") in sources:
            _logger.warning("%s: the %s part has no labels, or no images; left out",
                            printable(where), part)  # fmt: skip
    return Parts(class_names=class_names, **parts)


def samples(images: NDArray[Any], labels: NDArray[Any], where: object) -> Samples:
    """Images and their labels. Raises DataError unless there are as many of each."""
    if len(images) != len(labels):
        raise DataError(
            "as many labels as images are needed",
            file=printable(where),
            found=f"{len(images):,} images, {len(labels):,} labels",
            wanted="one label for each image, in the same order",
            fix="check that both are of the same part; write both again together",
        )
    return Samples(images, labels)


def to_images(array: NDArray[Any], where: object, *, strict: bool = False) -> NDArray[Any]:
    """The images in an array, uint8; features, float32, if it is flat.

    Numbers that are no pixels are flattened to features, unless `strict`. Raises DataError for
    them then, for NaN and for other shapes.
    """
    if array.dtype.kind not in "biuf" or array.ndim not in {2, 3, 4} or 0 in array.shape:
        raise _unusable(where, _described(array))
    if array.ndim == 2:
        return to_features(array, where)
    array = _channels_last(array, where)
    if array.dtype == np.uint8:
        return _contiguous(array)
    low, high = _range(array, where)
    scale = 255 if array.dtype.kind in "bf" and low >= 0 and high <= 1 else 1
    pixels = _pixels(array, scale) if low >= 0 and high * scale <= 255 else None
    if pixels is not None:
        return pixels
    if strict:
        raise _unusable(where, f"{array.dtype.name} numbers from {low:g} to {high:g}")
    _logger.warning(
        "%s: numbers from %g to %g are no pixels; each image becomes a row of %d features",
        printable(where), low, high, array[0].size,
    )  # fmt: skip
    return to_features(array.reshape(len(array), -1), where)


def to_features(array: NDArray[Any], where: object) -> NDArray[np.float32]:
    """Float32 features (n, features). Raises DataError for what is not finite in float32."""
    if array.dtype != np.float32:
        _require(4 * array.size)
        with np.errstate(over="ignore"):
            array = np.asarray(array).astype(np.float32)  # in memory, no memmap any more
    for start in range(0, len(array), _ROWS):
        bad = np.argwhere(~np.isfinite(array[start : start + _ROWS]))
        if len(bad):
            row, column = bad[0] + (start, 0)
            place = f"row {row}, column {column}"
            raise _not_finite(where, array[row, column], place)
    return _contiguous(array)


def to_labels(array: NDArray[Any], where: object) -> NDArray[Any]:
    """Labels (n,), int64 or str: as they are written, or the place of the one in a one-hot row."""
    array = np.asarray(array)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1 and array.dtype.kind == "U":
        return np.array(array)
    numbers = _whole(array)
    if array.ndim == 1 and numbers is not None:
        return numbers
    if array.ndim == 2 and numbers is not None and _is_one_hot(numbers):
        places: NDArray[np.int64] = numbers.argmax(axis=1)
        return places
    raise DataError(
        "these are not labels",
        file=printable(where),
        found=_described(array)
        + (", not all whole numbers" if numbers is None else ", not one-hot"),
        wanted=LABELS,
        fix="write one whole number or word for each image, and no missing ones",
    )


def _whole(array: NDArray[Any]) -> NDArray[np.int64] | None:
    """The same numbers as integers; None unless all are whole, and of at most 53 bits."""
    if array.dtype.kind not in "biuf" or array.size == 0:
        return None
    if not -(2**53) <= array.min() <= array.max() <= 2**53:  # NaN, too
        return None
    whole = array.astype(np.int64)
    return whole if (whole == array).all() else None


def _is_one_hot(numbers: NDArray[np.int64]) -> bool:
    return bool(
        numbers.min() == 0 and numbers.max() == 1 and (np.count_nonzero(numbers, 1) == 1).all()
    )


def _channels_last(array: NDArray[Any], where: object) -> NDArray[Any]:
    """(n, rows, columns) or (n, rows, columns, 3)."""
    if array.ndim == 3 or array.shape[3] == 3:
        return array
    if array.shape[3] == 1:
        return array[..., 0]
    if array.shape[1] == 1:
        return array[:, 0]
    if array.shape[1] == 3:
        return np.moveaxis(array, 1, 3)
    raise _unusable(where, f"{_described(array)}: neither 1 nor 3 channels")


def _range(array: NDArray[Any], where: object) -> tuple[float, float]:
    """The least and the greatest number. Raises DataError for NaN."""
    lows, highs = [], []
    for start in range(0, len(array), _ROWS):
        block = array[start : start + _ROWS]
        lows.append(float(block.min()))
        highs.append(float(block.max()))
        if np.isnan(lows[-1]):
            row = start + int(np.argwhere(np.isnan(block))[0][0])
            raise _not_finite(where, "NaN", f"image {row}")
    return min(lows), max(highs)


def _pixels(array: NDArray[Any], scale: int) -> NDArray[np.uint8] | None:
    """scale · array as uint8; None unless all are whole numbers."""
    _require(array.size)
    pixels = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), _ROWS):
        block = array[start : start + _ROWS].astype(np.float64) * scale
        whole = np.rint(block)
        if (np.abs(block - whole) > _EXACT).any():
            return None
        pixels[start : start + _ROWS] = whole
    return pixels


def _described(array: NDArray[Any]) -> str:
    return f"{array.dtype.name} {array.shape}"


def _contiguous(array: NDArray[Any]) -> NDArray[Any]:
    if array.flags.c_contiguous:
        return array
    _require(array.nbytes)
    return np.ascontiguousarray(array)


def _require(size: int) -> None:
    memory.require(
        size,
        "a converted copy of these images",
        "save them as numpy.uint8 in a .npy, (n, rows, columns) or (n, rows, columns, 3): "
        "that is read from the disk as it is needed",
    )


def _not_finite(where: object, value: object, place: str) -> DataError:
    return DataError(
        "a number is missing or too large",
        file=printable(where),
        found=f"{value} in {place}, counted from 0",
        wanted="finite float32 numbers",
        fix="leave such samples out, with their labels, or put a number there: numpy.nan_to_num",
    )


def _unusable(where: object, found: str) -> DataError:
    return DataError(
        "these are not images",
        file=printable(where),
        found=found,
        wanted=f"{PIXELS}; or features (n, features)",
        fix="change shape or range with NumPy, and save them again as numpy.uint8",
    )
