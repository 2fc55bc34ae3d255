from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest

from handstitch import doctor
from handstitch.config import Config
from handstitch.data.dataset import Dataset
from handstitch.doctor.findings import Findings
from tests.doctor.planted import change, draw_part, make_source

ONE = Config(threads=1)


@pytest.fixture(scope="module")
def planted() -> Findings:
    """Of 500 and 100 drawn garments: 3 leaks, one with another label, and a blank."""
    train, test = draw_part("train", 500, 1), draw_part("test", 100, 2)
    images, labels = test.images.copy(), test.labels.copy()
    images[[5, 6, 7]], labels[[5, 6, 7]] = train.images[[10, 20, 30]], train.labels[[10, 20, 30]]
    labels[7] = (labels[7] + 1) % 10
    images[8] = 0
    images[9], labels[9] = train.images[40] * 0.9, train.labels[40]
    source = make_source(
        train,
        change(test, images, labels),
        files=lambda: {"train": [f"{k}\n.png" for k in range(500)], "test": ["x"] * 100},
    )
    told: list[tuple[str, float]] = []
    found = doctor.examine(source, ONE, lambda stage, done: told.append((stage, done)))
    assert [stage for stage, _ in told if stage != "labels"][:2] == ["duplicates"] * 2
    assert {stage for stage, _ in told} == {"duplicates", "labels", "drift"}
    assert all(a <= b for (s, a), (t, b) in pairwise(told) if s == t)
    return found


def test_leaks_are_found_with_their_labels(planted: Findings) -> None:
    exact = planted.duplicates["exact"]
    assert (exact.groups, exact.samples, exact.leaked, exact.labels_differ) == (3, 6, 3, 1)
    assert planted.duplicates["near"].leaked == 1
    first = planted.groups[0]
    assert (first.kind, first.is_across, first.labels_differ, first.similarity) == (
        "exact", True, True, 1,
    )  # fmt: skip
    assert [(each.part, each.position) for each in first.samples] == [("train", 30), ("test", 7)]
    assert [group.kind for group in planted.groups] == ["exact"] * 3 + ["near"]


def test_a_hundred_leaks_are_a_hundred() -> None:
    train, test = draw_part("train", 400, 1), draw_part("test", 150, 2)
    images = test.images.copy()
    images[:100] = train.images[50:150]
    # One that is in training twice is one leak.
    more = train.images.copy()
    more[399] = more[60]
    found = doctor.examine(make_source(change(train, more), change(test, images)), ONE)
    assert found.duplicates["exact"].leaked == 100
    assert found.duplicates["exact"].groups == 100


def test_the_blank_is_found_and_named(planted: Findings) -> None:
    (blank,) = planted.constant
    assert (blank.part, blank.position, blank.file) == ("test", 8, "x")
    assert [part.constant for part in planted.parts] == [0, 1]


def test_names_of_files_are_printable(planted: Findings) -> None:
    assert planted.groups[0].samples[0].file == "30\\n.png"


def test_each_part_has_its_labels_judged(planted: Findings) -> None:
    assert [part.part for part in planted.labels] == ["train", "test"]
    for part in planted.labels:
        confidences = [suspect.self_confidence for suspect in part.suspects]
        assert confidences == sorted(confidences)
        assert all(each.suggested != each.sample.label for each in part.suspects)
    assert len(planted.labels[0].suspects) == 500
    assert planted.skipped == ()
    assert 0 <= planted.drift[0].auc <= 1


def test_findings_are_json(planted: Findings) -> None:
    assert msgspec.json.decode(msgspec.json.encode(planted), type=Findings) == planted


def test_the_same_seed_finds_the_same() -> None:
    source = make_source(draw_part("train", 120, 1), draw_part("test", 60, 2))
    found = [doctor.examine(source, ONE) for _ in range(2)]
    assert found[0] == found[1]
    other = doctor.examine(source, Config(threads=1, seed=1))
    assert other.labels != found[0].labels


def test_a_validation_part_is_examined_too() -> None:
    train, test = draw_part("train", 200, 1), draw_part("test", 60, 2)
    own = change(draw_part("validation", 60, 3), images=train.images[:60])
    found = doctor.examine(make_source(train, test, own), ONE)
    assert [part.part for part in found.parts] == ["train", "test", "validation"]
    assert [each.part for each in found.drift] == ["test", "validation"]
    assert found.duplicates["exact"].leaked == 60


def test_features_have_no_near_duplicates_and_too_few_no_judgement() -> None:
    rng = np.random.Generator(np.random.Philox(1))

    def make(part: str, n: int) -> Dataset:
        samples = rng.normal(size=(n, 4)).astype(np.float32)
        return Dataset(
            "f", part, samples, (np.arange(n) % 2).astype(np.uint8), ("a", "b"), "memory"
        )

    found = doctor.examine(make_source(make("train", 100), make("test", 60)), ONE)
    assert found.skipped == ("near features",)
    assert found.labels
    few = doctor.examine(make_source(make("train", 10), make("test", 4)), ONE)
    assert few.skipped == ("near features", "labels", "drift")
    assert (few.labels, few.drift) == ((), ())


def test_a_single_class_is_examined_for_the_rest() -> None:
    train, test = draw_part("train", 100, 1), draw_part("test", 60, 2)
    one = [
        Dataset("x", part.part, part.images, np.zeros(len(part), np.uint8), ("all",), "memory")
        for part in (train, test)
    ]
    found = doctor.examine(make_source(*one), ONE)
    assert found.skipped == ("labels",)
    assert found.drift[0].classes_p is None
