"""Summary of a data set: counts, shapes, class balance, checksums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handstitch.data import catalog, loading
from handstitch.data.catalog import CLASS_NAMES, PARTS, TITLES, OfficialFile
from handstitch.data.dataset import Dataset
from handstitch.data.locations import Location


def describe(
    name: str,
    data_dir: str | Path | None = None,
    *,
    location: Location | None = None,
) -> dict[str, Any]:
    """Verify, load and summarise both parts of a data set, as `handstitch data info --json` prints
    it. Raises as `load` does.
    """
    checked: dict[OfficialFile, tuple[Path, str]] = {}
    if name == "sketch":
        parts = [loading.draw(part) for part in PARTS]
    else:
        found = loading.verify(name, "train", data_dir, location=location, unpack=PARTS)
        checked = found.checked
        parts = [found.dataset(part) for part in PARTS]
    return {
        "dataset": name,
        "title": TITLES[name],
        "location": parts[0].location,
        "class_names": list(CLASS_NAMES[name]),
        "parts": [
            describe_part(part, [checked[file] for file in catalog.files_of(name, part.part)])
            for part in parts
        ],
    }


def describe_part(dataset: Dataset, files: list[tuple[Path, str]]) -> dict[str, Any]:
    """One part: `balance` is the rarest class by the most frequent (1: perfectly even), `digest`
    the SHA-256 of pixels and labels, as runs record it; drawn data have no files.
    """
    counts = dataset.counts()
    return {
        "part": dataset.part,
        "images": len(dataset),
        "shape": list(dataset.image_shape),
        "counts": dict(zip(dataset.class_names, counts, strict=True)),
        "balance": min(counts) / max(counts),
        "digest": dataset.digest,
        "files": [
            {"path": str(path), "bytes": path.stat().st_size, "sha256": sha256}
            for path, sha256 in files
        ],
    }
