from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from handstitch.config import Config
from handstitch.doctor.drift import auc, classes_p, separation
from tests.doctor.planted import change, draw_part

ONE = Config(threads=1)


def silent(done: float) -> None:
    assert 0 <= done <= 1


def test_the_auc_is_that_of_all_pairs() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    low, high = (rng.integers(*ends).astype(float) for ends in ((0, 9, 40), (2, 12, 30)))
    pairs = (high[:, None] > low) + 0.5 * (high[:, None] == low)
    assert auc(low, high) == pytest.approx(pairs.mean())


def test_the_deviation_is_that_of_scores_that_say_nothing() -> None:
    rng = np.random.Generator(np.random.Philox(2))
    found = [auc(*rng.random((2, 200))) for _ in range(2000)]
    apart = separation(draw_part("train", 400, 1), draw_part("test", 400, 2), ONE, silent)
    assert np.std(found) == pytest.approx(apart.deviation, rel=0.06)
    assert apart.samples == 400
    assert apart.p > 0.001


def test_a_part_of_another_source_is_told_apart() -> None:
    train, test = draw_part("train", 400, 1), draw_part("test", 300, 2)
    changed = change(test, images=(test.images * 0.4).astype(np.uint8))
    found = separation(train, changed, ONE, silent)
    assert found.auc > 0.8
    assert found.p < 1e-6


def test_class_counts_are_compared_as_by_scipy() -> None:
    train, test = draw_part("train", 400, 1), draw_part("test", 200, 2)
    assert classes_p(train, test) == pytest.approx(1)
    fewer = change(test, test.images[test.labels != 3][:150], test.labels[test.labels != 3][:150])
    oracle = chi2_contingency([train.counts(), fewer.counts()], correction=False)
    assert classes_p(train, fewer) == pytest.approx(float(oracle.pvalue))
    few = slice(0, 4)
    assert classes_p(train, change(test, test.images[few], test.labels[few])) is None
