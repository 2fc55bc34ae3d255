"""Arrays that NumPy saved: an .npz with several, or .npy and .npz files in one folder.

x_train, y_train, x_test, y_test as Keras has them; images and labels, X and y, train_images and
val_labels: the words of a key, or of a file's name, say what it holds (`layouts.role`). A .npy of
images stays on the disk; an .npz has to be unpacked into memory, so it is refused if it is larger.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from handstitch.data.readers import layouts, numpy_files
from handstitch.data.readers.numpy_files import ArrayPlace
from handstitch.data.readers.parts import Parts, Samples
from handstitch.errors import Argument, DataError, Phrase, UsageError, listed, printable
from handstitch.machine import memory
from handstitch.records import ReadingOptions


def read(path: str | Path, options: ReadingOptions = ReadingOptions()) -> Parts:  # noqa: B008
    """The data set in an .npz, in a folder, or that to which a file with one array belongs.

    Raises DataError for missing, damaged or ambiguous arrays, UsageError for a key that `options`
    names in vain, MachineError for an .npz larger than memory.
    """
    path = Path(path)
    given: dict[tuple[str, str], str] = {}
    names = _names(_files(path) if path.is_dir() else [path])
    if not path.is_dir() and len(names) == 1:
        stem = layouts.role(path.stem).stem
        names |= _names(
            [file for file in _files(path.parent) if layouts.role(file.stem).stem == stem]
        )
        own = next(name for name, place in names.items() if place.path == path)
        given = {(layouts.role(own).part, layouts.role(own).kind or "images"): own}
    chosen = {**_choose(names, options, path), **given}
    memory.require(
        sum(names[name].size for name in chosen.values()),
        f"{printable(path.name)}, unpacked",
        "save each array as a .npy of its own, which is read from the disk as it is needed: "
        "numpy.save('images.npy', images)",
    )
    return _assemble(names, chosen, path)


def _files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*.np[yz]")) if file.is_file()]


def _names(paths: list[Path]) -> dict[str, ArrayPlace]:
    """The arrays in these files, each by its key, by its file's name, or by both: file/key."""
    names = {}
    for path in paths:
        found = numpy_files.places(path)
        for place in found:
            key = place.member.removesuffix(".npy")
            if not key or (len(found) == 1 and layouts.role(path.stem).kind):
                key = path.stem
            elif len(paths) > 1:
                key = f"{path.stem}/{key}"
            names[key] = place
    return names


def _choose(
    names: Iterable[str], options: ReadingOptions, where: Path
) -> dict[tuple[str, str], str]:
    """(part, kind) → the array that holds it, by its name.

    A name of nothing but the usual words goes first: x_train before x_train_noisy.
    """
    named = {
        ("train", kind): name.removesuffix(".npy")
        for kind, name in (("images", options.images_key), ("labels", options.labels_key))
        if name
    }
    for (_, kind), name in named.items():
        if name not in names:
            raise UsageError(
                f"no array of this name: {printable(name)}",
                file=printable(where),
                found=listed(sorted(names)) or "no arrays",
                wanted="the name of an array in it",
                fix=Phrase("for example {}", Argument(f"{kind}_key", next(iter(names), "…"))),
            )
    candidates: dict[tuple[str, str], list[str]] = {}
    for name in names:
        part, kind, _ = layouts.role(name)
        if kind:
            candidates.setdefault((part, kind), []).append(name)
    chosen = {}
    for role, several in candidates.items():
        usual = [name for name in several if not layouts.role(name).stem] or several
        if len(usual) > 1 and role not in named:
            raise DataError(
                f"several arrays may be the {' '.join(role)}".replace("train", "training"),
                file=printable(where),
                found=listed(sorted(usual)),
                wanted="one",
                fix=Phrase("say which: {}", Argument(f"{role[1]}_key", usual[0])),
            )
        chosen[role] = usual[0]
    return {**chosen, **named}


def _assemble(
    names: dict[str, ArrayPlace], chosen: dict[tuple[str, str], str], path: Path
) -> Parts:
    def pair(images: str, labels: str) -> Samples:
        return layouts.samples(
            layouts.to_images(numpy_files.load(names[images]), names[images]),
            layouts.to_labels(numpy_files.load(names[labels]), names[labels]),
            names[images],
        )

    return layouts.assemble(
        chosen,
        pair,
        path,
        found=f"arrays {listed(sorted(names))}" if names else "no arrays",
        fix=Phrase(
            "save both, as images and labels, or say what they are called: {}, {}",
            Argument("images_key", next(iter(names), "…")),
            Argument("labels_key", "…"),
        ),
    )
