"""What the data doctor finds of faults planted in Fashion-MNIST, and of published label errors.

    python bench/data_doctor.py [FOLDER]

Seed by seed: of 50 labels of training changed to another class how many are among the first 500
suspects; of 100 training images copied into the test part how many are found, as they are and
changed in several ways; where six published label errors stand (without the planted ones).
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from time import perf_counter

import numpy as np
from PIL import Image

from handstitch import doctor
from handstitch.config import Config
from handstitch.data import sources
from handstitch.data.dataset import Dataset
from handstitch.data.own import OwnData
from handstitch.data.sources import Source
from handstitch.doctor import duplicates, label_errors
from handstitch.records import ReadingOptions

PUBLISHED = (45592, 16691, 28264, 33982, 40513, 42018)
SEEDS = (0, 1, 2)


def flips(train: Dataset, seed: int) -> tuple[int, list[int]]:
    """Flips among the first 500 suspects, and the places of the published errors."""
    rng = np.random.Generator(np.random.Philox(seed))
    chosen = rng.permutation(len(train))[:50]
    labels = train.labels.copy()
    labels[chosen] = (labels[chosen] + rng.integers(1, 10, 50)) % 10
    changed = replace(train, labels=labels, digest="")
    first = np.arange(len(train))
    (P,) = label_errors.out_of_sample(changed, first, [], Config(seed=seed), lambda done: None)
    found = label_errors.judge(P, labels, label_errors.can_judge(labels, 10))
    places = np.argsort(found.order)[list(PUBLISHED)]
    return len(set(found.order[:500].tolist()) & set(chosen.tolist())), places.tolist()


def jpeg(image: np.ndarray) -> np.ndarray:
    """The image after JPEG compression."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "jpeg", quality=75)
    return np.asarray(Image.open(file))


def leaks(train: Dataset, test: Dataset) -> dict[str, int]:
    """Of 100 training images put into the test part as they are, or changed: how many are found."""
    rng = np.random.Generator(np.random.Philox(1))
    taken, replaced = (rng.permutation(len(part))[:100] for part in (train, test))
    some = train.images[taken]
    changes = {
        "the same": some,
        "brightness × 0.8": some * 0.8,
        "contrast × 0.7, + 40": some * 0.7 + 40,
        "noise of 4 levels": some + rng.normal(0, 4, some.shape),
        "JPEG, quality 75": np.stack([jpeg(image) for image in some]),
        "shifted by a pixel": np.roll(some, 1, axis=2),
        "reflected": some[:, :, ::-1],
    }
    found = {}
    for name, changed in changes.items():
        images = test.images.copy()
        images[replaced] = np.clip(np.round(changed), 0, 255).astype(np.uint8)
        parts = [train.images, images]
        first = duplicates.originals(parts)
        groups = [*duplicates.groups_of(first)]
        if name != "the same":
            groups += [group.members for group in duplicates.near_groups(parts, first) or []]
        pairs = {
            position for group in groups for position in group.tolist() if group[0] < len(train)
        }
        found[name] = len(pairs & set((len(train) + replaced).tolist()))
    return found


def main() -> None:
    """Print the table of docs/doctor.md."""
    source = sources.resolve("fashion-mnist", sys.argv[1] if len(sys.argv) > 1 else None)
    train, test, *_ = doctor.parts_of(source)
    for name, count in leaks(train, test).items():
        print(f"leaks, {name}: {count} of 100")
    for seed in SEEDS:
        count, places = flips(train, seed)
        print(f"seed {seed}: {count} of 50 flips among the first 500; published errors at {places}")
    started = perf_counter()
    own = OwnData(train, test, None, "arrays", ReadingOptions(), is_test_drawn=False)
    found = doctor.examine(Source("fashion-mnist", own=own))
    order = [suspect.sample.position for suspect in found.labels[0].suspects]
    places = [order.index(place) if place in order else None for place in PUBLISHED]
    print(f"unchanged: published errors at {places}; {perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
