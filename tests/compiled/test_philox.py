"""Random numbers drawn by compiled code are NumPy's, from wherever one begins."""

from __future__ import annotations

import numpy as np
import pytest

from handstitch.compiled.philox import draw, philox_state
from handstitch.randomness import Purpose, generator


@pytest.mark.parametrize("first", [0, 1, 2, 7, 8, 9, 1000])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 15, 16, 333])
@pytest.mark.parametrize(("seed", "index"), [(0, 0), (2**64 - 1, 2**63 + 5)])
def test_as_numpy_from_any_place(first: int, count: int, seed: int, index: int):
    found = np.full(count + 1, -1, np.float32)
    draw(philox_state(generator(seed, Purpose.DROPOUT, index)), first, found[:count])
    wanted = generator(seed, Purpose.DROPOUT, index).random(first + count, dtype=np.float32)
    np.testing.assert_array_equal(found[:count], wanted[first:])
    assert found[count] == -1


def test_a_generator_that_has_given_numbers_is_refused():
    rng = generator(0, Purpose.DROPOUT)
    rng.random(dtype=np.float32)
    with pytest.raises(ValueError, match="unused Philox"):
        philox_state(rng)
    with pytest.raises(ValueError, match="Philox"):
        philox_state(np.random.default_rng(0))
