"""What can be said of a data set: how much, of what, how evenly, and that it is the right one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from handstitch.data import official, verification
from handstitch.data.dataset import Dataset
from handstitch.data.idx import Notify, ignore
from handstitch.data.official import CLASS_NAMES, TITLES, Part
from handstitch.data.places import Place
from handstitch.data.sources import load


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a data set as it lies on disk."""

    path: str
    bytes: int
    sha256: str
    """Of the published file that it has proved to be."""


class PartFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a data set: how much, of what, how evenly."""

    part: str
    images: int
    rows: int
    columns: int
    counts: dict[str, int]
    """Class name → images."""
    balance: float
    """Images of the rarest class by those of the most frequent: 1 is perfectly even."""
    digest: str
    """SHA-256 of pixels and labels: what a run records."""
    files: list[FileFacts]
    """Empty for data that are drawn."""


class DatasetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What `handstitch data info` says of a data set."""

    dataset: str
    title: str
    location: str
    class_names: list[str]
    parts: list[PartFacts]


def describe(
    name: str,
    data_dir: str | Path | None = None,
    *,
    parts: Sequence[Part] = ("train", "test"),
    notify: Notify = ignore,
) -> DatasetFacts:
    """Parts of a data set, verified, loaded and counted. Raises as `load` does."""
    loaded = [load(name, part, data_dir, notify=notify) for part in parts]
    return DatasetFacts(
        dataset=name,
        title=TITLES[name],
        location=loaded[0].location,
        class_names=list(CLASS_NAMES[name]),
        parts=[_describe_part(dataset) for dataset in loaded],
    )


def _describe_part(dataset: Dataset) -> PartFacts:
    counts = dataset.counts()
    rows, columns = dataset.image_shape
    files = []
    for file in official.files_of(dataset.name, dataset.part):
        path = Place(dataset.name, Path(dataset.location), "").path_of(file)
        sha256 = verification.verify(path, file, "")
        files.append(FileFacts(path=str(path), bytes=path.stat().st_size, sha256=sha256))
    return PartFacts(
        part=dataset.part,
        images=len(dataset),
        rows=rows,
        columns=columns,
        counts=dict(zip(dataset.class_names, counts, strict=True)),
        balance=min(counts) / max(counts),
        digest=dataset.digest,
        files=files,
    )
