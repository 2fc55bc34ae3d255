"""Lists and ranges: typed values, numbered candidates, random candidates."""

from __future__ import annotations

from math import inf, log, nan

import numpy as np
import pytest

from handstitch import search as searches
from handstitch.config import Config
from handstitch.errors import ConfigError, UsageError
from handstitch.search import space
from handstitch.search.space import Range

RATES = Range(low=0.001, high=0.1, log=True)
WIDTHS = Range(low=8, high=64, whole=True, widths=True)


def test_words_are_lists_ranges_and_fixed_values():
    searched, fixed = space.read(
        {
            "learning_rate": ("log:1e-3..0.1",),
            "weight_decay": ("0", "0.1"),
            "batch_size": ("16..64",),
            "epochs": ("3",),
            "hidden_sizes": ("512", "300,100", "64,"),
            "decay_biases": ("true", "false"),
            "stratified": (),
            "activation": ("relu", "tanh,relu"),
        }
    )
    assert searched == {
        "hidden_sizes": [[512, 256], [300, 100], [64]],
        "activation": [["relu"], ["tanh", "relu"]],
        "learning_rate": RATES,
        "weight_decay": [0.0, 0.1],
        "decay_biases": [True, False],
        "batch_size": Range(low=16, high=64, whole=True),
    }
    assert list(searched) == [
        "hidden_sizes", "activation", "learning_rate", "weight_decay", "decay_biases", "batch_size",
    ]  # fmt: skip
    assert fixed == {"epochs": 3, "stratified": True}


def test_what_is_described_can_be_read_again():
    words = {
        "hidden_sizes": ("512,256", "64,"),
        "learning_rate": ("log:0.001..0.1",),
        "weight_decay": ("0", "1e-05"),
    }
    searched, _ = space.read(words)
    described = {name: space.described(axis) for name, axis in searched.items()}
    assert described == {
        "hidden_sizes": "512,256 64,",
        "learning_rate": "log:0.001..0.1",
        "weight_decay": "0 1e-05",
    }
    texts = {name: tuple(described[name].split()) for name in reversed(described)}
    assert space.read(texts)[0] == searched


@pytest.mark.parametrize(
    ("name", "words", "found"),
    [
        ("learning_rate", ("0.1..0.1",), "the lower first"),
        ("learning_rate", ("0.2..0.1",), "the lower first"),
        ("learning_rate", ("log:3e-3..3e-4",), "found   learning_rate='log:3e-3..3e-4'"),
        ("weight_decay", ("log:0..0.1",), "log:LOW..HIGH with both above 0"),
        ("learning_rate", ("log:-1..0.1",), "log:LOW..HIGH with both above 0"),
        ("batch_size", (f"1..{10**400}",), "two whole numbers"),
        ("learning_rate", ("a..b",), "two numbers"),
        ("learning_rate", ("0.1..",), "two numbers"),
        ("learning_rate", ("1..2..3",), "two numbers"),
        ("learning_rate", ("nan..1",), "two numbers"),
        ("learning_rate", ("0.1..inf",), "two numbers"),
        ("batch_size", ("1.5..3",), "two whole numbers"),
        ("learning_rate", ("0.1..0.2", "0.3"), "one range, or a list"),
        ("optimizer", ("sgd..adam",), "sgd, momentum"),
        ("dropout", ("0..1",), "invalid value for dropout: 1"),
        ("learning_rate", ("0.1", "0.1"), "the same value twice"),
        ("learning_rate", ("0.1", "1e-1"), "the same value twice"),
        ("learning_rate", ("0.1", "-1"), "invalid value for learning_rate: -1"),
        ("seed", ("0", "1"), "seeds=5"),
        ("dataset", ("mnist", "sketch"), "the same images"),
        ("threads", ("1..2",), "how fast"),
        ("backend", ("numba", "numpy"), "how fast"),
        ("precision", ("float32", "bfloat16"), "compare two recipes"),
    ],
)
def test_what_cannot_be_searched_is_refused(name, words, found):
    with pytest.raises(UsageError) as refused:
        space.read({name: words})
    assert found in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 6


@pytest.mark.parametrize(
    ("low", "high", "logarithmic"),
    [(0.2, 0.1, False), (1, 1, False), (0, 0.1, True), (nan, 1, False), (0, inf, False)],
)
def test_a_range_without_two_ends_is_refused_whoever_makes_it(low, high, logarithmic):
    with pytest.raises(ValueError, match="the lower first"):
        Range(low=low, high=high, log=logarithmic)


def test_the_last_key_of_a_grid_changes_fastest():
    parameters: space.Parameters = {"a": [1, 2], "b": [3, 4, 5]}
    points = [space.point(parameters, number) for number in range(space.size(parameters))]
    assert points == [{"a": a, "b": b} for a in (1, 2) for b in (3, 4, 5)]
    assert (space.size({}), space.point({}, 0)) == (1, {})


def test_the_order_of_the_flags_is_no_matter():
    config = Config.preset("plain", dataset="sketch")
    one = searches.make(config, {"learning_rate": [0.1, 1], "hidden_sizes": [(8,), (4,)]})
    other = searches.make(config, {"hidden_sizes": [[8], [4]], "learning_rate": [0.1, 1.0]})
    assert one == other
    assert one.values(1) == {"hidden_sizes": [8], "learning_rate": 1.0}


def test_draws_fill_their_ranges_evenly():
    rng = np.random.Generator(np.random.Philox(1))
    parameters: space.Parameters = {
        "learning_rate": RATES, "hidden_sizes": WIDTHS, "activation": [["relu"], ["tanh"]],
    }  # fmt: skip
    drawn = [space.draw(parameters, rng) for _ in range(3000)]
    rates = np.log([each["learning_rate"] for each in drawn])
    assert rates.min() >= log(0.001)
    assert rates.max() <= log(0.1)
    for share in (0.1, 0.5, 0.9):
        assert np.quantile(rates, share) == pytest.approx(log(0.001) + share * log(100), abs=0.2)
    widths = [each["hidden_sizes"] for each in drawn]
    assert all(second == first // 2 for first, second in widths)
    counts = np.bincount([first for first, _ in widths], minlength=65)
    assert not counts[:8].any()
    assert counts[8:].min() > 20  # 53 each are expected
    assert counts[8:].max() < 95
    assert 1350 < sum(each["activation"] == ["relu"] for each in drawn) < 1650


def test_a_draw_depends_on_seed_and_number_alone():
    config = Config.preset("plain", dataset="sketch", seed=7)
    plans = [searches.make(config, {"learning_rate": RATES}, candidates=n) for n in (5, 9)]
    first, second = ([plan.values(n) for n in range(5)] for plan in plans)
    assert first == second
    assert len({str(values) for values in first}) == 5
    other = searches.make(
        Config.preset("plain", dataset="sketch", seed=8), {"learning_rate": RATES}, candidates=5
    )
    assert other.values(0) != first[0]


def test_a_range_gives_numbers_that_can_be_typed():
    assert [RATES.at(share) for share in (0, 1)] == [0.001, 0.1]
    assert RATES.at(0.123456789) == float(f"{RATES.at(0.123456789):.6g}")
    whole = Range(low=1, high=3, whole=True)
    assert [whole.at(share) for share in (0, 0.3, 0.4, 0.6, 0.7, 1)] == [1, 1, 2, 2, 3, 3]


def test_repeats_share_their_seeds_across_candidates():
    plan = searches.make(
        Config.preset("plain", dataset="sketch", seed=3), {"learning_rate": [0.1, 0.2]}, seeds=3
    )
    assert plan.trials == 6
    for candidate in range(2):
        values = plan.values(candidate)
        assert [plan.config_of(values, repeat).seed for repeat in range(3)] == [3, 4, 5]


def test_each_optimizer_has_its_default_rate_if_none_is_typed():
    plan = searches.make(
        Config.preset("plain", dataset="sketch"), {"optimizer": ["sgd", "adam"]}, default_rate=True
    )
    rates = [plan.config_of(plan.values(number), 0).learning_rate for number in range(2)]
    assert rates == [0.1, 0.003]


def test_an_invalid_candidate_is_named_before_anything_is_trained():
    with pytest.raises(ConfigError) as refused:
        searches.make(
            Config.preset("plain", dataset="sketch"),
            {"hidden_sizes": [[8, 4], [8]], "activation": [["relu"], ["relu", "tanh"]]},
        )
    assert refused.value.found == "hidden_sizes = 8,, activation = relu,tanh"
    with pytest.raises(ConfigError):
        searches.make(Config.preset("plain", dataset="sketch"), {"leraning_rate": [1]})
