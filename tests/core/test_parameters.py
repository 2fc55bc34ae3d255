"""θ is one vector; weights and biases are views of it, all weights before all biases."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handstitch.core.parameters import INITIALIZATIONS, Parameters, count

SIZES = (5, 4, 3, 2)


def numbered(sizes: tuple[int, ...] = SIZES) -> Parameters:
    return Parameters(sizes, np.arange(count(sizes), dtype=np.float64))


def test_the_networks_of_the_literature_have_so_many_parameters():
    assert count((784, 512, 256, 10)) == 535_818
    assert count((784, 10)) == 7850
    assert count((1, 1)) == 2


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=6).map(tuple))
def test_views_tile_the_vector_in_order(sizes: tuple[int, ...]):
    parameters = numbered(sizes)
    pieces = [each.reshape(-1) for each in [*parameters.weights, *parameters.biases]]
    np.testing.assert_array_equal(np.concatenate(pieces), np.arange(count(sizes)))
    assert [W.shape for W in parameters.weights] == list(pairwise(sizes))
    assert [b.shape for b in parameters.biases] == [(m,) for m in sizes[1:]]
    assert parameters.weight_count == sum(W.size for W in parameters.weights)
    assert all(np.shares_memory(each, parameters.vector) for each in pieces)
    assert all(W.flags.c_contiguous for W in parameters.weights)


def test_writing_a_view_writes_the_vector_and_the_other_way_round():
    parameters = numbered()
    parameters.weights[1][2, 1] = -1
    assert parameters.vector[5 * 4 + 2 * 3 + 1] == -1
    parameters.vector[:] = 8
    assert all((each == 8).all() for each in [*parameters.weights, *parameters.biases])


def test_what_decays_is_the_weights_or_all_of_it():
    parameters = numbered()
    assert parameters.decayed(biases=True) is parameters.vector
    weights = parameters.decayed(biases=False)
    assert np.shares_memory(weights, parameters.vector)
    np.testing.assert_array_equal(weights, np.concatenate([W.ravel() for W in parameters.weights]))


def test_copies_are_independent():
    parameters = numbered()
    copy, zeros = parameters.copy(), parameters.zeros_like()
    assert copy.sizes == zeros.sizes == SIZES
    np.testing.assert_array_equal(copy.vector, parameters.vector)
    assert not zeros.vector.any()
    assert zeros.vector.dtype == parameters.vector.dtype
    copy.vector[:], zeros.vector[:] = -1, -2
    np.testing.assert_array_equal(parameters.vector, np.arange(count(SIZES)))


@pytest.mark.parametrize("length", [0, count(SIZES) - 1, count(SIZES) + 1])
def test_a_vector_of_another_length_is_refused(length: int):
    with pytest.raises(ValueError, match=rf"need {count(SIZES)} numbers, not \({length},\)"):
        Parameters(SIZES, np.zeros(length))


def test_a_matrix_is_no_vector():
    with pytest.raises(ValueError, match="numbers, not"):
        Parameters((1, 1), np.zeros((2, 1)))


# Written out again, so that a formula changed by mistake is seen.
DEVIATIONS = {
    "he": lambda n, m: sqrt(2 / n),
    "xavier": lambda n, m: sqrt(2 / (n + m)),
    "lecun": lambda n, m: sqrt(1 / n),
}


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_initial_weights_have_the_spread_of_the_paper(name: str):
    """Mean and deviation of 125,000 and 40,000 normal draws within 5 standard errors."""
    parameters = Parameters.random((500, 250, 160), np.random.default_rng(1), name, np.float64)
    for W in parameters.weights:
        sigma = DEVIATIONS[name](*W.shape)
        assert abs(W.mean()) <= 5 * sigma / sqrt(W.size)
        assert abs(W.std() / sigma - 1) <= 5 / sqrt(2 * W.size)
        beyond = float((np.abs(W) > 2 * sigma).mean())  # normal, not uniform: 4.55 %
        assert beyond == pytest.approx(0.0455, abs=0.005)
    assert not any(b.any() for b in parameters.biases)


def test_both_precisions_start_from_the_same_network():
    single, double = (
        Parameters.random(SIZES, np.random.default_rng(3), dtype=dtype)
        for dtype in (np.float32, np.float64)
    )
    assert single.vector.dtype == np.float32
    np.testing.assert_array_equal(single.vector, double.vector.astype(np.float32))


def test_another_stream_gives_another_network():
    one, other = (Parameters.random(SIZES, np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.array_equal(one.weights[0], other.weights[0])
