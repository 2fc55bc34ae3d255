"""Verify by checksum that a file is the published one; if not, identify it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handstitch.data import catalog, files, idx
from handstitch.data.catalog import CLASS_NAMES, TITLES, OfficialFile
from handstitch.errors import Argument, DataError, Phrase, printable


def verify(
    path: Path, file: OfficialFile, fix: Phrase, *, unpack: bool = False
) -> tuple[str, NDArray[np.uint8] | None]:
    """Check that the file at `path` is `file`, as published, uncompressed, or compressed again.

    Returns the SHA-256 of the file at `path` and, with `unpack`, the array in it. Raises DataError,
    which names the file it is instead if that is a known one; MachineError if it cannot be read.
    """
    problem = f"these are not {TITLES[file.dataset]}'s {file.noun}"
    with files.open_file(path, problem, file.description, fix, idx.LARGEST_FILE) as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        known, array = catalog.with_checksum(sha256), None
        if known is None:
            array = idx.parse(stream)
            known = _with_content(array, path, file, fix)
        elif unpack:
            array = idx.parse(stream)
    if known == file:
        return sha256, array if unpack else None
    if known.dataset == file.dataset:
        problem = f"these are not {file.noun} but {known.noun}"
        fix = Phrase(
            f"rename it to {known.name}, and put the right file here; or {fix.template}", *fix.parts
        )
    else:
        problem = f"this is {TITLES[known.dataset]}, not {TITLES[file.dataset]}"
        # Not to be deleted: it is good data of another kind.
        fix = Phrase(
            "use it under its own name: {}; or name another {}",
            Argument("dataset", known.dataset),
            Argument("data_dir"),
        )
    raise DataError(
        problem,
        file=printable(path),
        found=f"{TITLES[known.dataset]}'s {known.noun}",
        wanted=file.description,
        fix=fix,
    )


def _with_content(array: NDArray[Any], path: Path, file: OfficialFile, fix: Phrase) -> OfficialFile:
    """The published file with this array. Raises DataError if there is none: it is sound all the
    same, and may be somebody's own.
    """
    found = idx.describe(array.shape, array.dtype)
    if array.dtype == np.uint8:
        content = hashlib.sha256(idx.header(array.shape))
        content.update(array.data)
        known = catalog.with_checksum(content.hexdigest())
        if known is not None:
            return known
        found += f", with sha256 {content.hexdigest()[:8]}… inside"
        if file.kind == "labels" and array.max() >= (n := len(CLASS_NAMES[file.dataset])):
            found = f"label {array.max()}, where {n} classes count from 0"
    raise DataError(
        f"a sound file, but not {TITLES[file.dataset]}'s {file.noun}",
        file=printable(path),
        found=found,
        wanted=file.description,
        fix=Phrase(
            f"to train on these data, name their folder: {{}}; or {fix.template}",
            Argument("dataset", path.parent),
            *fix.parts,
        ),
    )
