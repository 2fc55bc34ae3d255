"""Pictures → arrays of uint8: decoded by pillow, upright, on white, of one size.

Decisions, the same for training and for what is predicted later:

    orientation    as EXIF says
    transparency   over white, as a page shows it
    grey           by content: a picture whose channels are equal at every pixel has no colours
    palette, 1 bit, CMYK and the like   converted to colours or grey of 8 bits
    image_size     the largest central part of the wanted proportions, resized by Lanczos' filter:
                   no shape is distorted, a margin may be lost
    refused        16 bits a channel, animations, more than MOST_PIXELS, what is cut short
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.errors import Argument, DataError, MachineError, Phrase, printable
from handstitch.machine import memory, progress
from handstitch.machine.threads import cores
from handstitch.records import ReadingOptions
from handstitch.storage import file_types

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES: Final = (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp")
MOST_PIXELS: Final = 2**26
"""Pixels of a picture: above 60 megapixels it is no photograph but an attack or a mistake."""

_FORMATS: Final = ("BMP", "GIF", "JPEG", "PNG", "WEBP")
_MOST_BYTES: Final = 2**28
_BATCH: Final = 256
_PNG: Final = b"\x89PNG\r\n\x1a\n"


class Content(NamedTuple):
    """A picture that is no file of its own."""

    where: str
    """What messages call it."""
    content: bytes


Source: TypeAlias = str | Path | Content


def decode(path: Source, options: ReadingOptions = ReadingOptions()) -> NDArray[np.uint8]:  # noqa: B008 (immutable)
    """The picture in a file: (rows, columns), or (rows, columns, 3) where it has colours.

    Raises DataError for what is no picture or one of those refused, MachineError if the file
    cannot be read.
    """
    with _quiet():
        return _decode(path, options)


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of pillow, about EXIF data and palettes; not to be entered by several threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _decode(source: Source, options: ReadingOptions) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    path, content = source if isinstance(source, Content) else (source, _content(source))
    try:
        with Image.open(BytesIO(content), mode="r", formats=_FORMATS) as picture:
            _refuse(path, picture, content)
            return _pixels(picture, options)
    except (DataError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise _refused(
            path, f"{int(re.findall('[0-9]+', str(error))[0]):,} pixels", *_SMALLER
        ) from error
    except Exception as error:  # pillow's decoders raise whatever a damaged file leads to
        kind = file_types.identify(content[: file_types.HEAD]) or "a file of unknown type"
        is_other = kind.endswith(" picture") and kind.split()[1] not in _FORMATS
        why = "" if isinstance(error, UnidentifiedImageError) else f" ({error})"
        if kind.split()[1] in _FORMATS or why:
            kind = f"{kind}, {len(content):,} bytes, damaged{why}"
        raise _refused(
            path,
            kind,
            f"a whole picture: {', '.join(_FORMATS)}",
            "export it as PNG or JPEG"
            if is_other
            else "save it again from the program or place that it is from, or move it elsewhere",
        ) from error


def decode_all(
    sources: Iterable[str | Content], count: int, options: ReadingOptions
) -> NDArray[np.uint8]:
    """All `count` pictures: (n, rows, columns), or (n, rows, columns, 3) if one has colours.

    Decoded in their order, by one thread for each core. Raises as `decode` does, DataError if
    sizes differ and MachineError if they do not fit into memory.
    """
    rest = iter(sources)
    one = next(rest)
    rest, first = chain([one], rest), decode(one, options)
    images = _allocate((count, *first.shape))
    with _quiet(), ThreadPoolExecutor(cores()) as pool:
        blocks = range(0, count, _BATCH)
        for start in progress.announced(blocks, f"decoding pictures, {_BATCH} at a time"):
            block = list(islice(rest, _BATCH))
            arrays = pool.map(partial(_decode, options=options), block)
            for place, array in enumerate(arrays, start):
                if array.shape[:2] != first.shape[:2]:
                    raise _sizes_differ(one, first, block[place - start], array)
                if array.ndim == images.ndim:  # the first with colours
                    grey, images = images, _allocate((*images.shape, 3))
                    images[:place] = grey[:place, ..., np.newaxis]
                images[place] = array if array.ndim == images.ndim - 1 else array[..., np.newaxis]
    return images


def _content(path: str | Path) -> bytes:
    try:
        return storage.read_file(path, _MOST_BYTES)
    except OSError as error:
        raise MachineError(
            "a picture could not be read",
            file=printable(path),
            found=error.strerror or str(error),
            wanted=f"a readable file of at most {_MOST_BYTES:,} bytes",
            fix="check its permissions and the disk, or move it elsewhere",
        ) from error


_SMALLER: Final = (
    f"at most {MOST_PIXELS:,} pixels",
    "save it with fewer pixels, or move it elsewhere",
)


def _refuse(path: str | Path, picture: Image, content: bytes) -> None:
    """Raise DataError for a picture that is not decoded, before memory is taken for it."""
    wide, high = picture.size
    if wide * high > MOST_PIXELS:
        raise _refused(path, f"{wide:,} pixels wide and {high:,} high", *_SMALLER)
    if picture.mode[0] in "IF" or (content.startswith(_PNG) and content[24] == 16):
        raise _refused(
            path,
            f"{'32' if picture.mode in 'IF' else '16'} bits in each channel",
            "8 bits in each channel, 0 to 255",
            "convert it to 8 bits, and all others by the same rule: what is black and what is "
            "white is for you to choose",
        )
    # A telephone's JPEG may hold a second picture (MPO) that nobody calls an animation.
    if picture.format in {"GIF", "PNG", "WEBP"} and getattr(picture, "is_animated", False):
        raise _refused(
            path,
            "an animation of several pictures",
            "one picture",
            "save the picture that shows the class as a file of its own, and move this one "
            "elsewhere",
        )


def _refused(path: str | Path, found: str, wanted: str, fix: str) -> DataError:
    return DataError(
        "this picture cannot be used", file=printable(path), found=found, wanted=wanted, fix=fix
    )


def _pixels(picture: Image, options: ReadingOptions) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    size = options.image_size
    if size:
        # A JPEG is decoded at a half, quarter or eighth of its size where that is enough.
        picture.draft(None, (2 * max(size), 2 * max(size)))
    picture.load()
    upright: Image.Image = picture
    if picture.getexif().get(0x0112, 1) != 1:
        upright = ImageOps.exif_transpose(picture)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
    is_grey = options.grayscale or upright.mode in {"1", "L"}
    upright = upright.convert("L" if is_grey else "RGB")
    if size:
        upright = ImageOps.fit(upright, (size[1], size[0]), Image.Resampling.LANCZOS)
    array: NDArray[np.uint8] = np.asarray(upright)
    if array.ndim == 3 and all(np.array_equal(array[..., 0], array[..., k]) for k in (1, 2)):
        return array[..., 0]
    return array


def _allocate(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    needed = int(np.prod(shape, dtype=object))
    fix = Phrase("resize them to fewer pixels with a smaller {}", Argument("image_size"))
    memory.require(needed, f"{shape[0]:,} pictures of {shape[2]} × {shape[1]} pixels", fix)
    return np.empty(shape, np.uint8)


def _sizes_differ(
    first: str | Content, image: NDArray[Any], second: str | Content, other: NDArray[Any]
) -> DataError:
    found = [
        f"{'/'.join(Path(source.where if isinstance(source, Content) else source).parts[-2:])}: "
        f"{array.shape[1]} pixels wide, {array.shape[0]} high"
        for source, array in ((first, image), (second, other))
    ]
    return DataError(
        "the pictures are not of one size",
        found="\n".join(map(printable, found)),
        wanted="pictures of one size",
        fix=Phrase("have them resized, for example by {}", Argument("image_size", (64, 64))),
    )
