"""The permutation test: silent on chance, whatever it was drawn from; loud on order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from handstitch.insight.permutation_test import ALPHA, Structure, structures
from handstitch.insight.results import OF_STATISTIC

SIDE = (6, 6)
SIZES = (36, 12, 8, 5)


def drawn(rng, sizes=SIZES, draw="normal"):
    """Weights as an initialisation leaves them."""
    shapes = list(pairwise(sizes))
    if draw == "uniform":
        return [rng.uniform(-1, 1, s).astype(np.float32) / np.sqrt(s[0]) for s in shapes]
    return [
        rng.standard_normal(s).astype(np.float32) * np.float32(np.sqrt(2 / s[0])) for s in shapes
    ]


def network_p(weights, **words):
    return min(each.p_value for each in structures(weights, SIDE, **words))


@pytest.mark.parametrize("draw", ["normal", "uniform"])
def test_of_200_untrained_networks_at_most_5_percent_are_taken_for_trained(draw):
    found = [network_p(drawn(np.random.default_rng(seed), draw=draw)) for seed in range(200)]
    assert np.mean(np.array(found) <= ALPHA) <= 0.05
    # The p of chance is as often below a half as above it: neither blind nor jumpy.
    assert 0.4 < np.mean(np.array(found) <= 0.5) < 0.6


def test_false_alarms_do_not_grow_with_the_number_of_layers():
    sizes = (36, *[8] * 12, 5)
    found = [network_p(drawn(np.random.default_rng(seed), sizes)) for seed in range(40)]
    assert np.mean(np.array(found) <= ALPHA) <= 0.05


def test_the_false_alarms_are_counted_by_something_that_can_see_them():
    """Without the correction for layers and statistics the count would be far above 5 %."""
    alarms = 0
    for seed in range(40):
        found = structures(drawn(np.random.default_rng(seed), (36, *[8] * 12, 5)), SIDE)
        alarms += max(each.score for each in found) > 2.33  # 1 % of one normal figure
    assert alarms / 40 > 0.5


def planted(kind, rng):
    """A layer (100, 30) with a little of this order."""
    W = rng.standard_normal((100, 30)).astype(np.float32)
    u, v = rng.standard_normal((100, 1)), rng.standard_normal((1, 30))
    patches = np.kron(rng.standard_normal((5, 5, 30)), np.ones((2, 2, 1))).reshape(100, 30)
    order = {
        "spectrum": 0.5 * u @ v,
        "rows": W * (np.arange(100)[:, None] % 2) * 0.6,
        "columns": W * (np.arange(30) % 2) * 0.6,
        "row sums": 0.4 * u * np.ones((1, 30)),
        "column sums": 0.3 * np.ones((100, 1)) * v,
        "neighbours": 0.4 * patches,
    }[kind]
    return (W + order).astype(np.float32)


@pytest.mark.parametrize("kind", OF_STATISTIC)
def test_planted_order_is_found_and_named(kind):
    (found,) = structures([planted(kind, np.random.default_rng(1))], (10, 10))
    assert found.p_value == 1 / 200
    assert found.score > 4
    assert found.statistic == kind
    assert found.score == found.scores[kind] == max(found.scores.values())
    assert list(found.scores) == list(OF_STATISTIC)


@pytest.mark.parametrize("kind", OF_STATISTIC)
def test_shuffled_it_is_gone(kind):
    rng = np.random.default_rng(2)
    W = planted(kind, rng)
    (found,) = structures([rng.permutation(W.reshape(-1)).reshape(W.shape)], (10, 10))
    assert found.p_value > ALPHA


def test_neighbours_are_looked_for_only_where_there_are_pixels():
    W = planted("neighbours", np.random.default_rng(1))
    (with_pixels,) = structures([W], (10, 10))
    (without,) = structures([W])
    assert with_pixels.statistic == "neighbours"
    assert without.score < with_pixels.score


def test_scores_of_chance_spread_by_one_standard_deviation():
    rng = np.random.default_rng(6)
    layers = [rng.standard_normal((20, 10)).astype(np.float32) for _ in range(80)]
    scores = [structures([W], copies=50)[0].scores for W in layers]
    for name in ("rows", "column sums"):
        values = [each[name] for each in scores]
        assert abs(np.mean(values)) < 0.4
        assert 0.6 < np.std(values) < 1.6


def test_order_in_one_layer_is_that_layers_alone():
    rng = np.random.default_rng(3)
    weights = drawn(rng, (100, 30, 30, 10))
    weights[1] = weights[1] + np.float32(0.1)
    weights[1][:, ::2] -= np.float32(0.2)
    found = structures(weights)
    assert found[1].p_value == 1 / 200
    assert min(found[0].p_value, found[2].p_value) > ALPHA


def test_the_same_weights_give_the_same_figures_at_any_scale():
    weights = drawn(np.random.default_rng(4))
    found = structures(weights, SIDE)
    assert structures(weights, SIDE) == found
    for scale in (1e-18, 1e18):  # the fourth power of either is beyond float32
        again = structures([W * np.float32(scale) for W in weights], SIDE)
        np.testing.assert_allclose([e.score for e in again], [e.score for e in found], atol=1e-3)
    assert structures(weights, SIDE, seed=1) != found


def test_pixels_that_are_sampled_have_no_neighbours():
    W = np.random.default_rng(5).standard_normal((40 * 30, 4)).astype(np.float32)
    (found,) = structures([W], (40, 30), copies=9)
    assert "neighbours" not in found.scores
    (found,) = structures([W[:1024]], (32, 32), copies=9)
    assert "neighbours" in found.scores


def test_the_weights_are_left_as_they_are():
    weights = drawn(np.random.default_rng(5))
    before = [W.copy() for W in weights]
    for W in weights:
        W.flags.writeable = False
    structures(weights, SIDE, copies=9)
    for W, was in zip(weights, before, strict=True):
        np.testing.assert_array_equal(W, was)


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_weights_that_are_all_equal_have_no_order(value):
    found = structures([np.full((36, 5), value, np.float32)], SIDE)
    assert found == [Structure(0.0, 1.0, "spectrum", dict.fromkeys(OF_STATISTIC, 0.0))]


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_layers_of_one_unit_or_one_input(shape):
    rng = np.random.default_rng(6)
    (found,) = structures([rng.standard_normal(shape).astype(np.float32)])
    assert np.isfinite(found.score)
    assert ALPHA < found.p_value <= 1


def test_of_very_wide_layers_evenly_spaced_units_are_looked_at():
    rng = np.random.default_rng(7)
    W = rng.standard_normal((20, 5000)).astype(np.float32)
    assert structures([W], copies=99)[0].p_value > ALPHA
    W += 0.3 * rng.standard_normal((20, 1)).astype(np.float32)
    assert structures([W], copies=99)[0].p_value == 0.01


def test_neighbours_in_colour_are_of_one_channel():
    """Each channel of its own smooth pattern; mixed up, the channels have no neighbours."""
    rows = np.linspace(-1, 1, 6)[:, None, None, None] * np.ones((6, 6, 1, 4))
    W = (rows * np.array([1, -1, 1])[None, None, :, None]).reshape(108, 4)
    W = W + 0.1 * np.random.default_rng(0).standard_normal(W.shape)
    (colour,) = structures([W], (6, 6, 3))
    (grey,) = structures([W], (6, 18))
    assert colour.scores["neighbours"] > 10 > grey.scores["neighbours"]
    (features,) = structures([W], (108,))
    assert "neighbours" not in features.scores
