"""Summary of a data set: counts, shapes, class balance, checksums."""

from __future__ import annotations

from pathlib import Path

import msgspec

from handstitch.data import catalog, loading
from handstitch.data.catalog import CLASS_NAMES, PARTS, TITLES
from handstitch.data.locations import Location


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a data set on disk."""

    path: str
    bytes: int
    sha256: str


class PartFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of one part of a data set."""

    part: str
    images: int
    rows: int
    columns: int
    counts: dict[str, int]
    """Class name → images."""
    balance: float
    """Images of the rarest class by those of the most frequent: 1 is perfectly even."""
    digest: str
    """SHA-256 of pixels and labels, as runs record it."""
    files: list[FileFacts]
    """Empty for generated data."""


class DatasetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of a data set, as `handstitch data info` prints it."""

    dataset: str
    title: str
    location: str
    class_names: list[str]
    parts: list[PartFacts]


def describe(
    name: str,
    data_dir: str | Path | None = None,
    *,
    location: Location | None = None,
) -> DatasetFacts:
    """Verify, load and summarise both parts of a data set. Raises as `load` does."""
    if name == "sketch":
        parts, checked = [loading.draw(part) for part in PARTS], {}
    else:
        found = loading.verify(name, "train", data_dir, location=location, unpack=PARTS)
        parts, checked = [found.dataset(part) for part in PARTS], found.checked
    return DatasetFacts(
        dataset=name,
        title=TITLES[name],
        location=parts[0].location,
        class_names=list(CLASS_NAMES[name]),
        parts=[
            PartFacts(
                part=part.part,
                images=len(part),
                rows=part.image_shape[0],
                columns=part.image_shape[1],
                counts=dict(zip(part.class_names, part.counts(), strict=True)),
                balance=min(part.counts()) / max(part.counts()),
                digest=part.digest,
                files=[
                    FileFacts(path=str(path), bytes=path.stat().st_size, sha256=sha256)
                    for path, sha256 in (checked[f] for f in catalog.files_of(name, part.part))
                ],
            )
            for part in parts
        ],
    )
