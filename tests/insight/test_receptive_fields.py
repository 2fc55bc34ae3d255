"""Learned or only initialised, where the first layer has receptive fields."""

from __future__ import annotations

from math import erf, sqrt
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from handstitch import insight
from handstitch.core.parameters import Parameters
from handstitch.insight.permutation_test import shuffle
from handstitch.model import Model
from handstitch.receptive_fields import ReceptiveFields
from tests.sample_models import sample

SIZES = (144, 40, 10)


def make_model(seed: int, initialization: Any = "he") -> Model:
    rng = np.random.default_rng(seed)
    fields = ReceptiveFields.draw((12, 12), SIZES[1], (3, 6), rng)
    theta = Parameters.random(SIZES, rng, initialization, mask=fields.mask)
    model = sample(SIZES, image_shape=(12, 12), config={})
    return structs.replace(model, parameters=theta, receptive_fields=fields)


def test_an_untrained_network_is_not_called_learned_for_its_rectangles():
    found = [insight.weights(make_model(seed), copies=99).layers[0] for seed in range(8)]
    assert [layer.verdict for layer in found].count("as initialised") >= 7


def test_a_first_layer_with_smooth_weights_is_learned():
    model = make_model(0)
    W = model.parameters.weights[0]
    y = np.repeat(np.arange(12), 12)[:, None]
    W[:] = np.where(W == 0, 0, W + 0.4 * np.sin(0.7 * y + np.arange(40)))
    (first, _) = insight.weights(model).layers
    assert first.verdict == "learned"


@pytest.mark.parametrize("initialization", ["he", "lecun"])
def test_shares_and_spread_are_of_the_weights_that_exist(initialization):
    model = make_model(3, initialization)
    config = {"seed": 3, "initialization": initialization}
    (layer, _) = insight.weights(structs.replace(model, config=config), copies=9).layers
    assert model.receptive_fields is not None
    inside = model.parameters.weights[0][model.receptive_fields.mask == 1]
    assert layer.share_below_0_1 == pytest.approx(np.mean(np.abs(inside) <= 0.1))
    sigma = sqrt((2 if initialization == "he" else 1) * 40 / inside.size)
    assert layer.initial_share_below_0_1 == pytest.approx(erf(0.1 / (sigma * sqrt(2))))
    assert layer.spread == pytest.approx(1, abs=0.1)


def test_a_shuffle_keeps_each_column_inside_its_rectangle():
    model = make_model(0)
    assert model.receptive_fields is not None
    W, inside = model.parameters.weights[0].copy(), model.receptive_fields.mask != 0
    shuffle(W, inside, np.random.default_rng(0))
    assert not W[~inside].any()
    assert not np.array_equal(W, model.parameters.weights[0])
    np.testing.assert_array_equal(np.sort(W, axis=0), np.sort(model.parameters.weights[0], axis=0))
