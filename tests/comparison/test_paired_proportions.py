"""Two networks on the same images, held against definitions, brute force and simulated images."""

from __future__ import annotations

from functools import cache
from math import comb, log, sqrt

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from handstitch.comparison import paired_proportions

exact_p = cache(paired_proportions.exact_p)


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (1, 0), (5, 0), (3, 9), (8, 8), (40, 21)])
def test_p_is_the_chance_of_a_split_as_uneven(won: int, lost: int) -> None:
    n = won + lost
    as_uneven = sum(comb(n, k) for k in range(n + 1) if abs(2 * k - n) >= abs(won - lost))
    assert exact_p(won, lost) == pytest.approx(as_uneven / 2**n)


@pytest.mark.parametrize("divided", [6, 40, 135, 300])
def test_answers_swapped_at_random_are_seldom_called_different(divided: int) -> None:
    """Each image's answers are given to the one or the other by a coin: all ways, and 2,000."""
    called = [exact_p(won, divided - won) < 0.05 for won in range(divided + 1)]
    ways = np.array([comb(divided, won) / 2**divided for won in range(divided + 1)])
    assert ways @ called <= 0.05
    coins = np.random.default_rng(1).random((2000, divided)) < 0.5
    assert np.mean([called[won] for won in coins.sum(axis=1)]) <= 0.055


@pytest.mark.parametrize(
    ("won", "lost", "n"), [(512, 164, 10_000), (57, 78, 6000), (9, 1, 50), (3, 0, 40), (0, 0, 30)]
)
def test_the_interval_ends_where_the_score_test_rejects(won: int, lost: int, n: int) -> None:
    """The likelihood at a difference is maximised here by search, not by Tango's root."""

    def score(delta: float) -> float:
        def unlikely(q: float) -> float:
            probabilities = (q + delta, q, 1 - 2 * q - delta)
            counts = (won, lost, n - won - lost)
            return -sum(k * log(p) for k, p in zip(counts, probabilities, strict=True) if k)

        low, high = max(0.0, -delta), (1 - delta) / 2
        q = minimize_scalar(
            unlikely, bounds=(low + 1e-12, high - 1e-12), method="bounded", options={"xatol": 1e-12}
        ).x
        q = low if won + lost == 0 else q
        return float((won - lost - n * delta) / sqrt(n * (2 * q + delta - delta**2)))

    low, high = paired_proportions.difference_interval(won, lost, n)
    assert low <= (won - lost) / n <= high
    assert score(low) == pytest.approx(1.96, abs=0.01)
    assert score(high) == pytest.approx(-1.96, abs=0.01)


def test_the_interval_of_the_other_order_is_its_mirror_image() -> None:
    low, high = paired_proportions.difference_interval(30, 12, 500)
    assert paired_proportions.difference_interval(12, 30, 500) == pytest.approx((-high, -low))
    wider = paired_proportions.difference_interval(30, 12, 500, alpha=0.01)
    assert wider[0] < low < high < wider[1]


def test_as_many_images_as_asked_for_show_the_difference() -> None:
    won, lost, n = 70, 50, 2000
    needed = paired_proportions.images_needed(won, lost, n)
    assert needed is not None
    draws = np.random.default_rng(0).multinomial(
        needed, [won / n, lost / n, 1 - (won + lost) / n], size=400
    )
    p = np.array([exact_p(int(won), int(lost)) for won, lost, _ in draws])
    assert 0.75 < np.mean(p < 0.05) < 0.85


def test_what_can_be_detected_is_what_as_many_images_are_asked_for() -> None:
    n, divided = 10_000, 400
    difference = paired_proportions.detectable(200, 200, n)
    won = round((divided + difference * n) / 2)
    needed = paired_proportions.images_needed(won, divided - won, n)
    assert needed == pytest.approx(n, rel=0.03)
    assert paired_proportions.images_needed(200, 200, n) is None
    assert paired_proportions.detectable(0, 0, n) > 0
