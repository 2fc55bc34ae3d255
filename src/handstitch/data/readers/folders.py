"""Folder of folders of pictures, one folder for each class → `Parts`.

    cats/1.png cats/2.jpg … dogs/1.png …                      no test part: one is drawn later
    train/cats/… train/dogs/… validation/cats/… test/cats/…   the parts, where there is `train`

Classes, and pictures within a class, are in natural order of their names; a class may have folders
within. Hidden files, links and files of other types are passed over, and counted.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from handstitch.data import decoded
from handstitch.data.files import unreadable
from handstitch.data.labels import natural, number_parts
from handstitch.data.readers import pictures
from handstitch.data.readers.parts import Parts, Samples
from handstitch.errors import (
    DataError,
    listed,
    printable,
)
from handstitch.records import ReadingOptions

_logger = logging.getLogger(__name__)

_PARTS: Final = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Name of a folder, in small letters → the part that it holds."""
_DEPTH: Final = 16
"""Folders within a class that are looked into, one below the other."""


class _Folder:
    """Folders and pictures in a folder, by name; the rest is counted by its kind."""

    def __init__(self, path: str | Path, passed_over: Counter[str]) -> None:
        self.path, self._passed_over = str(path), passed_over
        self.folders: list[os.DirEntry[str]] = []
        self.pictures: list[os.DirEntry[str]] = []
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if _is_picture(entry):
                        self.pictures.append(entry)
                    else:
                        self._sort(entry)
        except OSError as error:
            raise unreadable(
                path, error, "a folder could not be read", "a folder that may be read"
            ) from error
        self.folders.sort(key=lambda entry: natural(entry.name))
        self.pictures.sort(key=attrgetter("name"))

    def _sort(self, entry: os.DirEntry[str]) -> None:
        name = entry.name
        if name.startswith(".") or name == "__MACOSX":
            self._passed_over["hidden"] += 1
        elif entry.is_symlink():
            self._passed_over["links"] += 1
        elif entry.is_dir(follow_symlinks=False):
            self.folders.append(entry)
        else:
            self._passed_over[Path(name).suffix.lower() or "without a suffix"] += 1


def _is_picture(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    return (
        name.lower().endswith(pictures.SUFFIXES)
        and name[0] != "."
        and entry.is_file(follow_symlinks=False)
    )


def read(path: Path, options: ReadingOptions) -> Parts:
    """The pictures below a folder, decoded once and then mapped from the cache.

    Raises DataError for a folder of another kind and for pictures that cannot be used,
    MachineError for what cannot be read.
    """
    passed_over: Counter[str] = Counter()
    labels: dict[str, NDArray[np.str_]] = {}
    found: dict[str, list[list[os.DirEntry[str]]]] = {}
    for part, folder in _parts(path, passed_over).items():
        of_class = {
            entry.name: list(_pictures(entry.path, passed_over)) for entry in folder.folders
        }
        _require_pictures(part, folder, of_class, passed_over)
        passed_over["in no class folder"] += len(folder.pictures)
        labels[part] = np.repeat(list(of_class), list(map(len, of_class.values())))
        found[part] = list(of_class.values())
    if +passed_over:
        _logger.info("passed over in %s: %s", printable(path), _counted(passed_over))
    number_parts(labels)  # what is wrong with the classes is said before a long decoding
    classes = list(chain.from_iterable(found.values()))
    images = decoded.cached(
        _key(path, classes, options),
        lambda: pictures.decode_all(
            chain.from_iterable(map(_in_order, classes)), sum(map(len, classes)), options
        ),
    )
    ends = np.cumsum([0, *map(len, labels.values())]).tolist()
    samples = {
        part: Samples(images[start:end], labels[part], partial(_files, path, found[part]))
        for part, start, end in zip(labels, ends[:-1], ends[1:], strict=True)
    }
    return Parts(samples["train"], samples.get("validation"), samples.get("test"))


def holds_pictures(path: Path) -> bool:
    """Whether there are pictures in the folders of this folder, or in the folders of these."""
    folders = _Folder(path, Counter()).folders[:100]
    return any(_any_picture(entry.path) for entry in folders) or any(
        _any_picture(inner.path)
        for entry in folders
        for inner in _Folder(entry.path, Counter()).folders[:100]
    )


def _any_picture(path: str) -> bool:
    with os.scandir(path) as entries:
        return any(map(_is_picture, entries))


def _parts(path: Path, passed_over: Counter[str]) -> dict[str, _Folder]:
    """The folder of each part; of the training part alone where the classes stand at the top."""
    top = _Folder(path, passed_over)
    named = {_PARTS.get(entry.name.lower(), ""): entry.path for entry in top.folders}
    if "train" in named and _Folder(named["train"], Counter()).folders:
        passed_over["folders beside train"] += len(top.folders) - len(named.keys() - {""})
        passed_over["in no class folder"] += len(top.pictures)
        wanted = ("train", "validation", "test")
        return {part: _Folder(named[part], passed_over) for part in wanted if part in named}
    if named and "" not in named and "train" not in named:
        raise DataError(
            "this folder has no training part",
            file=printable(path),
            found=f"the folders {listed([entry.name for entry in top.folders])}",
            wanted="a folder train beside them, with a folder for each class in it",
            fix="put the training pictures there, or name another folder",
        )
    return {"train": top}  # where there is a folder `train` it is a class: of vehicles


def _pictures(path: str, passed_over: Counter[str], depth: int = 0) -> Iterator[os.DirEntry[str]]:
    """The pictures in the folder of a class and in the folders within."""
    folder = _Folder(path, passed_over)
    yield from folder.pictures
    for entry in folder.folders:
        if depth == _DEPTH:
            passed_over["folders too deep"] += 1
        else:
            yield from _pictures(entry.path, passed_over, depth + 1)


def _files(path: Path, classes: Sequence[Sequence[os.DirEntry[str]]]) -> list[str]:
    """The path of each picture of these classes, below `path`."""
    return [os.path.relpath(file, path) for file in chain.from_iterable(map(_in_order, classes))]


def _in_order(of_class: Sequence[os.DirEntry[str]]) -> list[str]:
    """The paths of a class's pictures, folder by folder, in natural order within each."""
    by_folder = groupby((entry.path for entry in of_class), os.path.dirname)
    return [path for _, paths in by_folder for path in sorted(paths, key=natural)]


def _require_pictures(
    part: str,
    folder: _Folder,
    of_class: dict[str, list[os.DirEntry[str]]],
    passed_over: Counter[str],
) -> None:
    """Raise DataError unless there are class folders and each has pictures."""
    empty = [name for name, found in of_class.items() if not found]
    if of_class and not empty:
        return
    found = f"no pictures in {listed(empty)}" if empty else "no folder in it"
    if folder.pictures:
        found = f"pictures directly in it: {len(folder.pictures):,}; {found}"
    if len(empty) < len(of_class):
        problem = "a class folder holds no pictures"
        fix = "put pictures of the class into it, or move the folder elsewhere"
    elif folder.pictures or not of_class:
        problem = "there are no class folders in this folder"
        fix = "make a folder for each class, named as the class, and move its pictures there"
        if part != "train":
            fix += "; or move this folder elsewhere, if nobody knows the classes"
    else:
        problem = "there are no pictures in the folders of this folder"
        fix = "name another folder, or save the pictures as PNG or JPEG"
    others = f"; passed over: {_counted(passed_over)}" if +passed_over else ""
    raise DataError(
        problem,
        file=printable(folder.path),
        found=found + others,
        wanted=f"a folder for each class, in it its pictures ({listed(pictures.SUFFIXES, 9)})",
        fix=fix,
    )


def _counted(passed_over: Counter[str]) -> str:
    return listed([f"{count:,} {kind}" for kind, count in (+passed_over).most_common()], 8)


def _key(path: Path, found: Sequence[Sequence[os.DirEntry[str]]], options: ReadingOptions) -> str:
    """SHA-256, halved, of what decides the pixels: files, options and the library's version.

    Of a file: its path below the data set's folder, bytes, and the times of the last change of the
    content and of the record; a program can set the first of these, not the second.
    """
    import PIL

    key = hashlib.sha256(repr((PIL.__version__, options.image_size, options.grayscale)).encode())
    start = len(os.path.join(path, ""))  # noqa: PTH118 (as scandir joins)
    for entries in found:
        names = "\0".join([entry.path[start:] for entry in entries])
        facts = [entry.stat(follow_symlinks=False) for entry in entries]
        numbers = [(each.st_size, each.st_mtime_ns, each.st_ctime_ns) for each in facts]
        key.update(f"\0{len(entries)}\0{names}\0".encode("utf-8", "surrogateescape"))
        key.update(np.array(numbers, np.int64).data)
    return key.hexdigest()[:32]
