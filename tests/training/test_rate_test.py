"""The learning-rate range test: growing rates, a loss that falls and rises, a rate that trains."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite
from typing import Any

import numpy as np
import pytest

from handstitch import Config, Dataset
from handstitch.data import sketch
from handstitch.errors import DivergedError
from handstitch.training.rate_test import SPAN, RangeTest, range_test
from handstitch.training.trainer import Trainer

CONFIG = Config(
    hidden_sizes=(24, 12),
    receptive_field=(),
    shift=0,
    batch_size=32,
    threads=1,
    backend="numpy",
)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return Dataset.from_arrays(*sketch.draw(3_000, 4))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam"])
def test_the_suggested_rate_trains_better_than_one_far_below_or_above(
    dataset: Dataset, optimizer: str
) -> None:
    config = Config(**CONFIG.to_dict() | {"optimizer": optimizer, "learning_rate": None})
    suggested = range_test(config, dataset).suggestion
    losses = []
    for factor in (0.01, 1, 100):
        config = replace(
            config, learning_rate=suggested * factor, epochs=4, schedule="constant", clip_norm=0.0
        )
        trainer = Trainer(config, dataset)
        try:
            losses.append(trainer.fit()[-1].val_loss or inf)
        except DivergedError:
            losses.append(inf)
    assert losses[1] < losses[0]
    assert losses[1] < losses[2]


def test_the_rates_grow_evenly_over_seven_decades_until_the_loss_has_risen(
    dataset: Dataset,
) -> None:
    test = range_test(CONFIG, dataset, steps=200)
    rates = np.array(test.rates)
    assert rates[0] == pytest.approx(0.003 * SPAN[0])
    np.testing.assert_allclose(rates[1:] / rates[:-1], (SPAN[1] / SPAN[0]) ** (1 / 199))
    assert len(test.losses) == len(rates) < 200
    assert all(map(isfinite, test.losses))
    # It ended at the first loss that had lost half of the fall.
    place = int(np.argmin(test.losses))
    half = (max(test.losses[:place]) + test.losses[place]) / 2
    assert max(test.losses[place:-1]) <= half < test.losses[-1]
    assert test.lowest == rates[int(np.argmin(test.losses))]
    assert rates[0] < test.steepest < test.lowest
    assert test.suggestion == pytest.approx((test.steepest * test.lowest) ** 0.5, rel=0.05)


def test_the_rate_and_the_schedule_of_the_settings_have_no_part(dataset: Dataset) -> None:
    other = replace(CONFIG, learning_rate=0.5, schedule="one-cycle")
    assert range_test(other, dataset, 50) == range_test(CONFIG, dataset, 50)


def test_summed_gradients_get_a_rate_for_them(dataset: Dataset) -> None:
    settings: dict[str, Any] = CONFIG.to_dict() | {"optimizer": "sgd", "learning_rate": None}
    mean = range_test(Config(**settings), dataset)
    summed = range_test(Config(**settings | {"reduction": "sum"}), dataset)
    # The last batch of an epoch is short, so the two are not the same to the bit.
    assert summed.suggestion == pytest.approx(mean.suggestion / 32, rel=0.5)


def test_a_test_of_one_or_two_steps_has_an_answer(dataset: Dataset) -> None:
    for steps in (1, 2):
        test = range_test(CONFIG, dataset, steps)
        assert isinstance(test, RangeTest)
        assert test.suggestion > 0
