"""Two networks on the same images: McNemar's exact test, Tango's interval, images that decide.

Images that both answer correctly, or both wrongly, say nothing about the difference. `won` counts
those that only the second network answers correctly, `lost` those that only the first does; if the
two were equally good, each would be as likely as the other.
"""

from __future__ import annotations

from math import ceil, sqrt

from handstitch.machine.libraries import load_blas
from handstitch.search.statistics import ALPHA, Interval

load_blas()  # as in search.statistics

POWER = 0.8
"""Probability of finding a difference that is there, for which a comparison is planned."""
_STEPS = 60
"""Halvings of an interval of length 1: to the last digit."""


def exact_p(won: int, lost: int) -> float:
    """P(a split of won + lost as uneven as this, or more), if each side is won by a fair coin.

    The exact test of Q. McNemar, Psychometrika 12 (1947) 153-157.
    """
    from scipy.stats import binomtest

    return float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


def difference_interval(won: int, lost: int, n: int, alpha: float = ALPHA) -> Interval:
    """Score interval of (won − lost)/n, at 1 − alpha: T. Tango, Statist. Med. 17 (1998) 891-908.

    All differences δ that |won − lost − nδ| ≤ z √(n(2q + δ(1 − δ))) does not reject, where q is
    the most likely probability of `lost` at that δ.
    """
    z = _normal(1 - alpha / 2)
    observed = (won - lost) / n

    def is_inside(delta: float) -> bool:
        a, b = 2 * n, -won - lost + (2 * n - won + lost) * delta
        c = -lost * delta * (1 - delta)
        q = (sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
        variance = n * (2 * q + delta * (1 - delta))
        return abs(won - lost - n * delta) <= z * sqrt(max(0.0, variance))

    def end(limit: float) -> float:
        inner, outer = observed, limit
        for _ in range(_STEPS):
            middle = (inner + outer) / 2
            inner, outer = (middle, outer) if is_inside(middle) else (inner, middle)
        return inner

    return end(-1.0), end(1.0)


def images_needed(won: int, lost: int, n: int, alpha: float = ALPHA) -> int | None:
    """Images on which a difference of this size is found with probability POWER; None for none.

    (z₁₋α/₂ √ψ + z_POWER √(ψ − d²))²/d² with the shares observed, ψ = (won + lost)/n and
    d = (won − lost)/n: R. J. Connor, Biometrics 43 (1987) 207-211.
    """
    if won == lost:
        return None
    share, d = (won + lost) / n, abs(won - lost) / n
    root = _normal(1 - alpha / 2) * sqrt(share) + _normal(POWER) * sqrt(share - d * d)
    return ceil((root / d) ** 2)


def detectable(won: int, lost: int, n: int, alpha: float = ALPHA) -> float:
    """The difference that n images, of which as many divide the two, show with probability POWER.

    (z₁₋α/₂ + z_POWER) √(ψ/n), `images_needed` for a small difference solved for it; with no image
    that divides them, that of one.
    """
    return (_normal(1 - alpha / 2) + _normal(POWER)) * sqrt(max(1, won + lost)) / n


def _normal(p: float) -> float:
    """The quantile of the normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(p))
