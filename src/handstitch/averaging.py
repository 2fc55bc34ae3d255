"""A running average of θ over the steps of training, which often judges better than θ itself.

Polyak and Juditsky, SIAM J. Control Optim. 30, 1992, in the exponential form.
"""

from __future__ import annotations

from handstitch.arrays import Vector


def update(average: Vector, theta: Vector, kept: float, step: int) -> None:
    """average ← k·average + (1 − k)·θ; `average` is overwritten.

    k is `kept`, but less in the first steps (counted from 1), lest the random start linger:
    k = min(kept, (step − 1) / (step + 9)), so that step 1 copies θ.
    """
    k = min(kept, (step - 1) / (step + 9))
    average *= k
    average += (1 - k) * theta
