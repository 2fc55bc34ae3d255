"""IDX files of images and of labels, under any of the names that they have in the wild.

train-images-idx3-ubyte.gz, train-images.idx3-ubyte, t10k-labels-idx1-ubyte, test-labels.idx, and
emnist-letters-train-images-idx3-ubyte.gz: the words train, test, images and labels say what a file
is, and its other words which data set it belongs to. Torchvision and Kaggle put the files one or
two folders down. Whether one is compressed, its content says.

EMNIST, recognised by its name, writes each image by columns, as its authors' MATLAB has it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from handstitch import storage
from handstitch.data import files, idx
from handstitch.data.readers import layouts
from handstitch.data.readers.parts import Parts, Samples
from handstitch.errors import Argument, DataError, Phrase, listed, printable
from handstitch.records import ReadingOptions

_LARGEST: Final = 2**40
_WANTED: Final = "an IDX file of images (n, rows, columns) or (n, rows, columns, 3), or labels (n,)"
_FIX: Final = "compare it with its source; if that has another copy, put it in place of this one"


def read(path: str | Path, options: ReadingOptions = ReadingOptions()) -> Parts:  # noqa: ARG001, B008
    """The data set in a folder, or that to which a file belongs.

    Raises DataError if files are missing, damaged or of several sets.
    """
    path = Path(path)
    own = None if path.is_dir() else layouts.role(path.name).stem
    sets: dict[str, dict[tuple[str, str], Path]] = {}
    for file in find(path if own is None else path.parent):
        part, kind, stem = layouts.role(file.name)
        if own is None or stem == own:
            members = sets.setdefault(stem, {})
            members[part, kind] = _preferred(members.get((part, kind)), file)
    if len(sets) > 1:
        raise DataError(
            "the files of several data sets are in this folder",
            file=printable(path),
            found=listed([stem or "one without a name" for stem in sorted(sets)]),
            wanted="the files of one, or one of the files",
            fix=Phrase("name the training images of one: {}", Argument("dataset", _example(sets))),
        )
    stem, members = next(iter(sets.items()), ("", {}))
    names: tuple[str, ...] = ()
    mapping: dict[int, int] = {}
    if "emnist" in stem:
        names, mapping = _mapping(next(iter(members.values())).parent / f"{stem}-mapping.txt")

    def pair(images: Path, labels: Path) -> Samples:
        values = layouts.to_labels(_labels(labels), labels)
        if names:
            values = _numbered(values, mapping, labels)
        return layouts.samples(_images(images, "emnist" in stem), values, images)

    return layouts.assemble(members, pair, path, class_names=names)


def find(folder: Path) -> list[Path]:
    """The IDX files in a folder, or on the nearer of the two levels below it that has any."""
    for pattern in ("*", "*/*", "*/*/*"):
        found = [file for file in sorted(folder.glob(pattern)) if _is_idx(file)]
        if found:
            return found
    return []


def _is_idx(path: Path) -> bool:
    """Whether the name, or else the content, is that of IDX images or labels."""
    name = path.name.lower()
    if not layouts.role(name).kind or path.is_dir():
        return False
    if "idx" in name or "ubyte" in name:
        return True
    try:
        with storage.open_file(path) as file:
            return idx.is_idx(file)
    except OSError:
        return False


def _preferred(one: Path | None, other: Path) -> Path:
    """The uncompressed one of two forms of a file. Raises DataError if they are two files."""
    if one is None or one.name == other.name.removesuffix(".gz"):
        return one or other
    if other.name == one.name.removesuffix(".gz"):
        return other
    raise DataError(
        "two files claim to be the same",
        file=printable(one.parent),
        found=f"{printable(one)} and {printable(other)}",
        wanted="one, or its compressed form beside it",
        fix="move one of them to another folder",
    )


def _example(sets: dict[str, dict[tuple[str, str], Path]]) -> Path:
    members = sets[min(sets)]
    return members.get(("train", "images")) or next(iter(members.values()))


def _array(path: Path) -> NDArray[Any]:
    with files.open_file(path, "an IDX file that cannot be used", _WANTED, _FIX, _LARGEST) as file:
        return idx.parse(file, _LARGEST)


def _images(path: Path, is_transposed: bool) -> NDArray[Any]:
    array = _array(path)
    return layouts.to_images(array.swapaxes(1, 2) if is_transposed else array, path, strict=True)


def _labels(path: Path) -> NDArray[Any]:
    array = _array(path)
    # QMNIST: class, writer and more in each row.
    return array[:, 0] if array.ndim == 2 and "qmnist" in path.name.lower() else array


def _mapping(path: Path) -> tuple[tuple[str, ...], dict[int, int]]:
    """Class names of EMNIST, and label → class; nothing without a mapping file.

    A line has a label and the codes of its characters: 1 65 97 is A/a.
    """
    if not path.exists():
        return (), {}
    wanted = "lines of a label and codes of characters, as 1 65 97"
    with files.open_file(
        path, "an EMNIST mapping that cannot be used", wanted, _FIX, 2**16
    ) as file:
        lines = [line.split() for line in file if line.strip()]
        rows = sorted([int(word) if word.isdigit() else 0 for word in line] for line in lines)
        # Digits and letters: whatever else stands here is no name for a class.
        if not rows or not all(
            len(row) > 1 and all(32 < code < 127 for code in row[1:]) for row in rows
        ):
            raise ValueError("another kind of line, or none")
    names = tuple("/".join(map(chr, codes)) for _, *codes in rows)
    return names, {row[0]: number for number, row in enumerate(rows)}


def _numbered(labels: NDArray[Any], mapping: dict[int, int], path: Path) -> NDArray[np.int64]:
    """The class of each label. Raises DataError for a label that the mapping lacks."""
    distinct, places = np.unique(labels, return_inverse=True)
    missing = [str(label) for label in distinct if label not in mapping]
    if missing:
        raise DataError(
            "labels without a name in EMNIST's mapping",
            file=printable(path),
            found=listed(missing),
            wanted=f"labels from {min(mapping)} to {max(mapping)}",
            fix="put the mapping of this set beside it, or move the file away: labels do without",
        )
    return np.array([mapping[label] for label in distinct.tolist()], np.int64)[places]
