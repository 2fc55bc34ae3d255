from __future__ import annotations

import numpy as np

from handstitch.config import Config
from handstitch.data.dataset import Dataset
from handstitch.doctor.label_errors import FOLDS, can_judge, folds_of, judge, out_of_sample
from handstitch.doctor.quick_network import settings
from tests.doctor.planted import change, draw_part

ONE = Config(threads=1)


def silent(done: float) -> None:
    assert 0 <= done <= 1


def test_the_confident_joint_worked_by_hand() -> None:
    # Thresholds: (0.9 + 0.8 + 0.1) / 3 = 0.6 and (0.7 + 0.3) / 2 = 0.5; class 2 has no sample.
    P = np.array(
        [[0.9, 0.1, 0], [0.8, 0.2, 0], [0.1, 0.9, 0], [0.3, 0.7, 0], [0.55, 0.3, 0.15]], np.float32
    )
    labels = np.array([0, 0, 0, 1, 1], np.uint8)
    found = judge(P, labels, np.array([True, True, True]))
    np.testing.assert_allclose(found.thresholds, [0.6, 0.5, np.nan], rtol=1e-6)
    # The last is most probably of class 0, but not confidently: 0.55 < 0.6.
    assert found.is_counted.tolist() == [False, False, True, False, False]
    assert found.order.tolist() == [2, 4, 3, 1, 0]
    assert found.suggested.tolist() == [1, 1, 1, 0, 0]
    np.testing.assert_allclose(found.confidence, [0.1, 0.2, 0.9, 0.3, 0.55], rtol=1e-6)
    only_first = judge(P, labels, np.array([True, False, True]))
    assert only_first.order.tolist() == [2, 1, 0]


def test_folds_have_as_many_of_each_class_and_copies_together() -> None:
    labels = np.repeat(np.arange(4, dtype=np.uint8), 25)
    first = np.arange(100)
    fold = folds_of(labels, first, 3)
    assert all(np.bincount(fold[labels == k]).tolist() == [5] * FOLDS for k in range(4))
    first[90], first[91] = 2, 2
    assert set(folds_of(labels, first, 3)[[2, 90, 91]]) == {fold[2]}
    assert (folds_of(labels, first, 4) != fold).any()


def test_labels_are_judged_by_networks_that_have_not_seen_them() -> None:
    # Labels that say nothing: whoever has seen them knows them, whoever has not guesses.
    rng = np.random.Generator(np.random.Philox(1))
    images = rng.integers(0, 256, (300, 8, 8), np.uint8)
    labels = rng.integers(0, 2, 300).astype(np.uint8)
    data = Dataset("noise", "train", images, labels, ("a", "b"), "memory")
    seen = change(data)
    P, Q = out_of_sample(data, np.arange(300), [seen], ONE, silent)
    assert 0.35 < (P.argmax(axis=1) == labels).mean() < 0.65
    # Four of five have seen what is also in another part: it would be judged too well.
    assert (Q.argmax(axis=1) == labels).mean() > 0.85
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(Q.sum(axis=1), 1, rtol=1e-5)


def test_planted_flips_come_first() -> None:
    train = draw_part("train", 1000, 1)
    labels = train.labels.copy()
    flipped = np.arange(0, 1000, 50)
    labels[flipped] = (labels[flipped] + 5) % 10
    (P,) = out_of_sample(change(train, labels=labels), np.arange(1000), [], ONE, silent)
    found = judge(P, labels, can_judge(labels, 10))
    assert len(set(found.order[:60].tolist()) & set(flipped.tolist())) >= 17
    assert (found.suggested[flipped] == train.labels[flipped]).mean() > 0.7


def test_classes_too_small_for_the_folds_are_not_judged() -> None:
    labels = np.repeat(np.arange(3, dtype=np.uint8), (9, 10, 11))
    assert can_judge(labels, 4).tolist() == [False, True, True, False]


def test_small_data_sets_have_enough_steps() -> None:
    for samples in (10, 200, 5_000, 48_000, 1_000_000):
        found = settings(samples, 1, ONE)
        steps = found.epochs * -(-samples // found.batch_size)
        assert steps >= min(1_000, 60 * -(-samples // 16))
    assert (settings(48_000, 1, ONE).epochs, settings(48_000, 1, ONE).batch_size) == (8, 256)
