"""Samples from a user's arrays: uint8 images, grey or colour, or float32 features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handstitch.arrays import Images
from handstitch.errors import DataError
from handstitch.machine import memory

SampleLike = ArrayLike | Sequence[Any]
"""An array, or a list of arrays or PIL images."""

_BLOCK: Final = 2**21
"""Numbers looked at together."""
_SOME: Final = 2_000
"""Images that tell the background of all."""
_DARK: Final = 64
_NEARLY_ALL: Final = 0.95
_WANTED: Final = (
    "images (n, rows, columns) or (n, rows, columns, 3) of whole numbers from 0 to 255, "
    "or features (n, features)"
)


def as_samples(given: SampleLike) -> Images:
    """`given` as uint8 images or float32 features, in C order; an array that is so is not copied.

    Two axes are features, of any type of number. Three or four are images, of whole numbers from 0
    to 255; one channel is grey. A list may hold arrays or PIL images. Raises DataError for anything
    else, MachineError where a copy would not fit in memory.
    """
    if hasattr(given, "tocsr"):  # np.asarray would make one object of it
        raise DataError(
            "sparse samples are not supported",
            found=f"a {type(given).__name__}",
            wanted=_WANTED,
            fix="make them dense: X.toarray()",
        )
    array = _one_array(given)
    if array.dtype.kind == "c":
        raise _wrong_kind(array, "Complex data not supported: give numpy.abs(X), or both parts")
    if array.dtype == object and array.ndim == 2:
        array = _numbers(array)
    if array.dtype.kind not in "biuf":
        raise _wrong_kind(array, "convert them to numbers, such as images.astype(numpy.float32)")
    if array.ndim == 2:
        return _features(array)
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim not in {3, 4}:
        raise _wrong_kind(array, "Reshape your data: a single sample goes into a list: [image]")
    if array.ndim == 4 and array.shape[3] != 3:
        is_first = array.shape[1] in {1, 3}
        fix = "numpy.moveaxis(images, 1, -1)" if is_first else "images[..., :3] are the colours"
        raise _wrong_kind(array, f"put the three colours on the last axis: {fix}")
    return _pixels(array)


def shape_in_words(shape: tuple[int, ...]) -> str:
    """What samples of this shape are."""
    if len(shape) == 1:
        return f"samples of {shape[0]:,} features"
    return f"{'colour ' * (len(shape) == 3)}images of {shape[0]} × {shape[1]} pixels"


Background = Literal["", "dark", "light"]
"""Of grey images: nearly all on black, nearly all on white, or neither."""


def background(images: Images) -> Background:
    """The background of images: what most of the pixels at the edge of nearly all of them are."""
    if images.ndim != 3:
        return ""
    some = np.asarray(images[:: max(1, len(images) // _SOME)])
    edges = np.concatenate(
        [some[:, [0, -1]].reshape(len(some), -1), some[:, :, [0, -1]].reshape(len(some), -1)], 1
    )
    levels = np.median(edges, axis=1)
    if np.mean(levels < _DARK) >= _NEARLY_ALL:
        return "dark"
    return "light" if np.mean(levels > 255 - _DARK) >= _NEARLY_ALL else ""


def require_finite(images: Images) -> None:
    """Raise DataError, with the position, for a feature that is NaN or infinite."""
    if images.dtype.kind == "f":
        for start, block in _row_blocks(images):
            if not np.isfinite(block).all():
                row, feature = np.argwhere(~np.isfinite(block))[0].tolist()
                raise DataError(
                    "a feature is not a finite number",
                    found=f"{block[row, feature]} in sample {start + row:,}, feature {feature:,} "
                    "(counted from 0)",
                    wanted="finite numbers, neither NaN nor infinite",
                    fix="leave the sample out, or put in the feature's mean: "
                    "numpy.where(numpy.isfinite(X), X, numpy.nanmean(X, axis=0))",
                )


def _one_array(given: SampleLike) -> NDArray[Any]:
    items = [*map(_decoded, given)] if isinstance(given, list | tuple) else _decoded(given)
    try:
        return np.asarray(items)
    except ValueError as error:
        raise DataError(
            "images are not one array",
            found=str(error),
            wanted="images of one size, all grey or all colour; or as many features in each sample",
            fix="crop or resize the images to one size",
        ) from error


def _decoded(item: Any) -> Any:
    """A PIL image as an array, with the colours of its palette; anything else as it is."""
    if hasattr(item, "getpalette"):
        return np.asarray(item.convert("RGB") if item.mode == "P" else item)
    return item


def _numbers(objects: NDArray[Any]) -> NDArray[Any]:
    """A table of Python's own numbers, such as pandas has where columns are of several types.

    Raises TypeError where one is no number and no text.
    """
    try:
        return objects.astype(np.float64)
    except ValueError as error:
        raise _wrong_kind(objects, "convert words to numbers", f", {error}") from error


def _features(array: NDArray[Any]) -> Images:
    if array.dtype == np.float32:
        return _copy(array, np.float32)
    with np.errstate(over="ignore"):  # found below
        features = _copy(array, np.float32)
    for start, block in _row_blocks(features):
        lost = np.isinf(block) & np.isfinite(array[start : start + len(block)])
        if lost.any():
            row, feature = np.argwhere(lost)[0].tolist()
            raise DataError(
                "a feature is too large for float32",
                found=f"{array[start + row, feature]:.4g} in sample {start + row:,}, "
                f"feature {feature:,} (counted from 0)",
                wanted="numbers from -3.4e38 to 3.4e38",
                fix="divide that feature, or take its logarithm",
            )
    return features


def _pixels(array: NDArray[Any]) -> Images:
    if array.dtype == np.uint8 or not array.size:
        return _copy(array, np.uint8)
    if array.dtype.kind == "b":
        raise _wrong_kind(array, "255 * images.astype(numpy.uint8)")
    low, high = array.min(), array.max()
    if array.dtype.kind == "f":
        fix = "(255 * images).round()" if 0 <= low <= high <= 1 else "images.round()"
        raise _wrong_kind(
            array,
            f"{fix}.astype(numpy.uint8); or features: images.reshape(len(images), -1)",
            f" from {low:g} to {high:g}",
        )
    if not 0 <= low <= high <= 255:
        fix = "bring them to 0 to 255, such as (images // 256).astype(numpy.uint8) for 16 bits"
        raise _wrong_kind(array, fix, f" from {low} to {high}")
    return _copy(array, np.uint8)


def _wrong_kind(array: NDArray[Any], fix: str, values: str = "") -> DataError:
    return DataError(
        "these are neither images nor features",
        found=f"{array.dtype} {array.shape}{values}",
        wanted=_WANTED,
        fix=fix,
    )


def _copy(array: NDArray[Any], dtype: Any) -> Images:
    """`array` itself if it is of this type and in C order, else a copy that is."""
    if array.dtype != dtype or not array.flags.c_contiguous:
        name = np.dtype(dtype).name
        memory.require(
            array.size * np.dtype(dtype).itemsize,
            f"a copy of the samples {array.shape} as {name} in C order",
            f"save them as {name} in C order, and load that with numpy.load(path, mmap_mode='r')",
        )
    return np.ascontiguousarray(array, dtype)


def _row_blocks(array: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """(first row, rows) of blocks that cover the array."""
    rows = max(1, _BLOCK // max(1, array.shape[1]))
    return ((start, array[start : start + rows]) for start in range(0, len(array), rows))
