"""Summary of a data set: counts, shapes, class balance, checksums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handstitch.data import loading
from handstitch.data.catalog import PARTS, TITLES, OfficialFile
from handstitch.data.dataset import Dataset
from handstitch.data.sources import Source


def describe(source: Source) -> dict[str, Any]:
    """Verify, load and summarise all parts of a data set, as `handstitch data info --json` prints
    it. Raises as `Source.load` does.
    """
    checked: dict[OfficialFile, tuple[Path, str]] = {}
    facts: dict[str, Any] = {}
    if source.own is not None:
        facts = {"format": source.own.format, "is_test_drawn": source.own.is_test_drawn}
        parts = [part for part in source.own[:3] if part is not None]
    elif source.name == "sketch":
        parts = [loading.draw(part) for part in PARTS]
    else:
        found = loading.verify(
            source.name, "train", source.data_dir, location=source.location, unpack=PARTS
        )
        checked = found.checked
        parts = [found.dataset(part) for part in PARTS]
    return {
        "dataset": source.name,
        "title": TITLES.get(source.name, source.name),
        "location": parts[0].location,
        **facts,
        "class_names": list(parts[0].class_names),
        "parts": [
            _describe(part, [checked[file] for file in checked if file.part == part.part])
            for part in parts
        ],
    }


def _describe(dataset: Dataset, files: list[tuple[Path, str]]) -> dict[str, Any]:
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
