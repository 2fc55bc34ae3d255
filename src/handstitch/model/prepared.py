"""Pictures and arrays from files, prepared as the images that a network was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.arrays import Images
from handstitch.data.labels import natural
from handstitch.data.readers import layouts, numpy_files, pictures, tables
from handstitch.data.samples import background, shape_in_words
from handstitch.errors import DataError, UsageError, listed, printable
from handstitch.machine import memory
from handstitch.model.info import Model
from handstitch.records import ReadingOptions
from handstitch.storage import file_types

_ARRAYS: Final = (".npy", ".npz", *tables.SUFFIXES)
_OPPOSITE: Final = {"dark": "light", "light": "dark"}


class Prepared(NamedTuple):
    """Samples of the network's shape."""

    names: list[str]
    """The path of each picture; of a sample in an array, with its position."""
    images: Images
    inverted: list[str]
    """Names of pictures that were on the opposite background, and were inverted."""


def prepare(paths: Sequence[Path], model: Model) -> Prepared:
    """The pictures and arrays in files, and the pictures in folders and in those below.

    A picture is resized to the network's size as in `data.readers.pictures`, is made grey for a
    network of grey images, and inverted where nearly all of those were on black and it is on white,
    or the reverse. Raises DataError for a file that cannot be used, MachineError for one that
    cannot be read or where memory is too small.
    """
    files = [file for path in paths for file in _files(path)]
    parts: list[tuple[list[str], Images]] = []
    inverted: list[str] = []
    memory.require(len(files) * prod(model.image_shape), f"{len(files):,} pictures")
    for file in files:
        if file.name.lower().endswith(_ARRAYS):
            array = _samples(file, model)
            parts.append(([f"{file}[{position}]" for position in range(len(array))], array))
        else:
            image = _picture(file, model)
            if model.background and background(image[np.newaxis]) == _OPPOSITE[model.background]:
                image = 255 - image
                inverted.append(str(file))
            parts.append(([str(file)], image[np.newaxis]))
    names = [name for part, _ in parts for name in part]
    return Prepared(names, np.concatenate([images for _, images in parts]), inverted)


def is_image_file(path: Path) -> bool:
    """Whether a file is a picture, an array or a table by its name, or by content a picture."""
    if path.name.lower().endswith((*pictures.SUFFIXES, *_ARRAYS)):
        return True
    with suppress(OSError), storage.open_file(path) as file:
        return file_types.is_picture(file.read(file_types.HEAD))
    return False


def missing(path: Path) -> UsageError:
    """The error for a path at which nothing is."""
    return UsageError(
        "there is no such file",
        file=printable(path),
        found="nothing of this name",
        wanted="a picture, a folder of pictures, an array, a table, or a model",
        fix="check the spelling, and from where the path starts",
    )


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise missing(path)
    if not path.is_dir():
        yield path
        return
    found = sorted(
        (file for file in path.rglob("*") if _is_shown(file.relative_to(path), file)),
        key=lambda file: natural(str(file)),
    )
    if not found:
        raise DataError(
            "there are no pictures in this folder",
            file=printable(path),
            found=listed(sorted(entry.name for entry in path.iterdir())) or "nothing",
            wanted=f"pictures ({listed(pictures.SUFFIXES, 9)}), in it or in folders below",
            fix="name another folder, or the files themselves",
        )
    yield from found


def _is_shown(name: Path, file: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in name.parts)
    is_picture = file.suffix.lower() in pictures.SUFFIXES
    return is_picture and not is_hidden and not file.is_symlink() and file.is_file()


def _picture(file: Path, model: Model) -> Images:
    if not model.has_images:
        raise DataError(
            "this network takes features, not pictures",
            file=printable(file),
            found="a picture",
            wanted=f"an array of {shape_in_words(model.image_shape)} for each sample",
            fix="give the features as a .npy file (n, features)",
        )
    image = pictures.decode(file, _options(model))
    is_colour = len(model.image_shape) == 3
    return np.repeat(image[..., np.newaxis], 3, axis=2) if is_colour and image.ndim == 2 else image


def _options(model: Model) -> ReadingOptions:
    """How pictures are read for a network of images."""
    shape = model.image_shape
    return ReadingOptions(image_size=shape[:2], grayscale=len(shape) == 2)


def _samples(file: Path, model: Model) -> Images:
    """The samples in a .npy, in a table, or in the one array of images of an .npz.

    Images may be rows of their pixels, as a table has them, and grey ones for a network of colours.
    """
    shape, where = model.image_shape, printable(file)
    array: NDArray[Any]
    if file.name.lower().endswith(tables.SUFFIXES):
        array = tables.read_features(file, prod(shape), _options(model))
    else:
        array = np.atleast_1d(_array(file))
    if array.ndim == len(shape) and (array.shape == shape or len(shape) == 1):  # a single sample
        array = array[np.newaxis]
    if len(shape) == 1:
        images: Images = layouts.to_features(array.reshape(len(array), -1), where)
    else:
        if array.shape[1:] == (prod(shape),) and len(shape) == 2:
            array = array.reshape(-1, *shape)
        images = _images(array, model, where)
    if images.shape[1:] != shape:
        raise DataError(
            "the samples are of another shape than the network's",
            file=where,
            found=f"{array.dtype.name} {array.shape}",
            wanted=_wanted(shape),
            fix="resize or reshape them, or save them as pictures, which are resized here"
            if model.has_images
            else "choose the columns that the network was trained on, in their order",
        )
    return images


def _images(array: NDArray[Any], model: Model, where: str) -> Images:
    """Pixels as uint8, laid out as for training; an array without images stays as it is."""
    shape = model.image_shape
    channels = {array.shape[1], array.shape[3]} if array.ndim == 4 else {1}
    if array.ndim not in {3, 4} or not channels & {1, 3}:
        return array
    try:
        images = layouts.to_images(array, where, strict=True)
    except DataError as error:
        raise replace(
            error,
            problem="these are not images of whole numbers",
            wanted=_wanted(shape),
            fix="undo what was done to the pixels, and save them as numpy.uint8: the network "
            "scales them itself",
        ) from error
    is_grey = images.ndim == 3 and len(shape) == 3
    return np.repeat(images[..., np.newaxis], 3, axis=3) if is_grey else images


def _wanted(shape: tuple[int, ...]) -> str:
    numbers = f"(n, {', '.join(map(str, shape))})"
    pixels = ": whole numbers 0 to 255, or 0 to 1" if len(shape) > 1 else ""
    return f"{shape_in_words(shape)}, {numbers}{pixels}"


def _array(file: Path) -> NDArray[Any]:
    """The array in a .npy, or the one of images in an .npz."""
    places = numpy_files.places(file)
    several = [place for place in places if layouts.role(place.member).kind == "images"] or places
    if len(several) != 1:
        raise UsageError(
            "there are several arrays of images in this file",
            file=printable(file),
            found=listed([place.member.removesuffix(".npy") for place in several]),
            wanted="one",
            fix="save the one to predict alone: numpy.save('images.npy', images)",
        )
    return numpy_files.load(several[0])
