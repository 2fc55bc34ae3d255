"""Structure against noise: units of noise are taken for noise, and a smooth one is found."""

from __future__ import annotations

import numpy as np
import pytest

from handstitch import insight
from handstitch.receptive_fields import ReceptiveFields


def make_fields(units: int, shape: tuple[int, ...]) -> ReceptiveFields:
    return ReceptiveFields.draw(shape, units, (4, 8), np.random.default_rng(5))


@pytest.mark.parametrize("shape", [(12, 14), (8, 8, 3)])
@pytest.mark.parametrize("is_local", [False, True])
@pytest.mark.parametrize("draw", ["standard_normal", "random"])
def test_noise_is_above_the_limit_in_one_unit_of_a_hundred(
    shape: tuple[int, ...], is_local: bool, draw: str
) -> None:
    rng = np.random.default_rng(3)
    mask = make_fields(4000, shape).mask if is_local else None
    W = getattr(rng, draw)((int(np.prod(shape)), 4000)) * (1 if mask is None else mask)
    z = insight.neighbour_correlation(W, shape, mask)
    assert abs(z.mean()) < 0.06
    assert z.std() == pytest.approx(1, abs=0.06)
    assert 0.004 < np.mean(z > insight.NOISE) < 0.025
    assert insight.is_noise(z)


def test_smooth_units_are_found_inside_their_rectangles() -> None:
    shape, rng = (12, 14), np.random.default_rng(3)
    mask = make_fields(60, shape).mask
    ramp = np.add.outer(np.arange(12.0), np.arange(14.0)).reshape(-1, 1)
    W = (ramp + rng.standard_normal((168, 60))) * mask
    z = insight.neighbour_correlation(W, shape, mask)
    assert np.mean(z > insight.NOISE) > 0.9
    assert not insight.is_noise(z)
    # Without the rectangles noise is misjudged: the zeros outside are no weights.
    assert insight.neighbour_correlation(rng.standard_normal(W.shape) * mask, shape).std() > 1.3


def test_units_without_weights_have_none() -> None:
    for W in (np.zeros((9, 2)), np.full((9, 2), 3.0)):
        assert insight.neighbour_correlation(W, (3, 3)).tolist() == [0, 0]
    assert insight.neighbour_correlation(np.ones((2, 1)), (1, 2)).tolist() == [0]
