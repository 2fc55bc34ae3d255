"""Random streams: functions of seed, purpose and index, for every seed there is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from handstitch.randomness import Purpose, generator


def test_the_numbers_of_a_seed_stay_what_they_are():
    """Every run's bits begin here."""
    found = generator(7, Purpose.SHUFFLE, 3).random(3)
    wanted = np.random.Generator(np.random.Philox(key=[7, 3], counter=[0, 0, 0, 3])).random(3)
    np.testing.assert_array_equal(found, wanted)
    assert found[0] == pytest.approx(0.8013735159719586, abs=1e-16)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("edge", [0, 2**53, 2**63, 2**64 - 2])
def test_neighbours_differ_up_to_the_last_seed_and_index(edge: int):
    by_seed = [generator(seed, Purpose.SPLIT).random() for seed in range(edge, edge + 2)]
    by_index = [generator(0, Purpose.SPLIT, index).random() for index in range(edge, edge + 2)]
    for one, other in pairwise([*by_seed, *by_index[1:]]):
        assert one != other
    assert by_index[0] != by_index[1]
