"""Pictures and arrays from files, prepared as the images that a network was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from handstitch.arrays import Images
from handstitch.data.labels import natural
from handstitch.data.readers import layouts, numpy_files, pictures
from handstitch.data.samples import background, shape_in_words
from handstitch.errors import DataError, UsageError, listed, printable
from handstitch.machine import memory
from handstitch.model.info import Model
from handstitch.records import ReadingOptions

_ARRAYS: Final = (".npy", ".npz")
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
    memory.require(len(files) * int(np.prod(model.image_shape)), f"{len(files):,} pictures")
    for file in files:
        if file.suffix.lower() in _ARRAYS:
            array = _array(file, model)
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
    """Whether the name is that of a picture or of an array."""
    return path.suffix.lower() in {*pictures.SUFFIXES, *_ARRAYS}


def missing(path: Path) -> UsageError:
    """The error for a path at which nothing is."""
    return UsageError(
        "there is no such file",
        file=printable(path),
        found="nothing of this name",
        wanted="a picture, a folder of pictures, an array, or a model",
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
    size, is_colour = model.image_shape[:2], len(model.image_shape) == 3
    options = ReadingOptions(image_size=size, grayscale=not is_colour)
    image = pictures.decode(file, options)
    return np.repeat(image[..., np.newaxis], 3, axis=2) if is_colour and image.ndim == 2 else image


def _array(file: Path, model: Model) -> Images:
    """The samples in a .npy, or in the one array of images of an .npz."""
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
    array = numpy_files.load(several[0])
    if array.ndim == len(model.image_shape):  # a single sample
        array = array[np.newaxis]
    if len(model.image_shape) == 1:
        images: Images = layouts.to_features(array.reshape(len(array), -1), several[0])
    else:
        images = layouts.to_images(array, several[0], strict=True)
    if images.shape[1:] != model.image_shape:
        raise DataError(
            "the samples are of another shape than the network's",
            file=printable(file),
            found=shape_in_words(images.shape[1:]),
            wanted=shape_in_words(model.image_shape),
            fix="resize them, or save them as pictures, which are resized here",
        )
    return images
