"""Each schedule against its formula written out, and against what a person expects of it."""

from __future__ import annotations

from math import cos, pi
from typing import Any

import pytest

from handstitch.config import Config
from handstitch.errors import ConfigError
from handstitch.training.schedules import learning_rate, plateau_drops

STEPS = 10
"""In an epoch."""


def rates(schedule: Any, epochs: int = 8, **settings: Any) -> list[float]:
    config = Config.preset("plain", schedule=schedule, learning_rate=0.5, epochs=epochs, **settings)
    return [learning_rate(config, step, STEPS) for step in range(epochs * STEPS)]


def test_constant():
    assert rates("constant") == [0.5] * 80


def test_step_drops_every_so_many_epochs():
    course = rates("step", decay_epochs=3, decay_factor=0.1)
    wanted = [0.5] * 30 + [0.05] * 30 + [0.005] * 20
    assert course == pytest.approx(wanted)


def test_step_may_drop_within_an_epoch():
    assert rates("step", decay_epochs=0.5, decay_factor=0.5)[:11] == pytest.approx(
        [0.5] * 5 + [0.25] * 5 + [0.125]
    )


def test_exponential_falls_smoothly_by_the_same_factor():
    course = rates("exponential", decay_epochs=2, decay_factor=0.25)
    assert course == pytest.approx([0.5 * 0.25 ** (step / 20) for step in range(80)])
    assert course[20] == pytest.approx(0.125)


@pytest.mark.parametrize("final_rate_fraction", [0.0, 0.1])
def test_cosine_ends_at_the_final_rate_with_the_last_step(final_rate_fraction: float):
    course = rates("cosine", final_rate_fraction=final_rate_fraction)
    wanted = [
        0.5 * (final_rate_fraction + (1 - final_rate_fraction) * (1 + cos(pi * step / 79)) / 2)
        for step in range(80)
    ]
    assert course == pytest.approx(wanted, abs=1e-15)
    assert course[0] == 0.5
    assert course[-1] == pytest.approx(0.5 * final_rate_fraction, abs=1e-15)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step", "exponential", "plateau"])
def test_warm_up_rises_evenly_from_nearly_nothing(schedule: str):
    course, without = rates(schedule, warmup=2), rates(schedule)
    if schedule == "cosine":
        without = [0.5] * 80  # the fall begins when the rise is over
    for step in range(20):
        assert course[step] == pytest.approx(without[step] * (step + 1) / 20)
    assert course[19] == pytest.approx(without[19])


def test_cosine_after_warm_up_falls_over_what_is_left():
    course = rates("cosine", warmup=2)
    assert max(course) == course[19] == course[20] == 0.5
    assert course[20:] == pytest.approx(
        [0.5 * (1 + cos(pi * step / 59)) / 2 for step in range(60)], abs=1e-15
    )


def test_linear_after_warm_up_falls_by_the_same_amount_at_every_step():
    course = rates("linear", warmup=2)
    assert max(course) == course[19] == course[20] == 0.5
    assert course[20:] == pytest.approx([0.5 * (1 - step / 59) for step in range(60)], abs=1e-15)
    assert rates("linear", final_rate_fraction=0.2)[-1] == pytest.approx(0.1)


def test_warm_up_of_part_of_an_epoch():
    assert rates("constant", warmup=0.25)[:4] == pytest.approx([0.2, 0.4, 0.5, 0.5])


@pytest.mark.parametrize(("warmup", "top"), [(0, 24), (2, 20)])
def test_one_cycle_rises_and_falls(warmup: float, top: int):
    course = rates("one-cycle", warmup=warmup)
    rising, falling = course[:top], course[top:]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert course[0] == pytest.approx(0.5 * (1 / 25 + 24 / 25 / top))
    assert max(course) == 0.5
    assert course[top - 1] == pytest.approx(0.5)
    assert course[-1] == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("schedule", ["step", "exponential", "linear", "cosine", "one-cycle"])
def test_a_single_step_is_a_whole_run_too(schedule: Any):
    config = Config.preset("plain", schedule=schedule, epochs=1, learning_rate=0.5)
    assert 0 < learning_rate(config, 0, 1) <= 0.5


# ── Plateau ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("losses", "drops"),
    [
        ([], 0),
        ([1, 0.9, 0.8, 0.7], 0),
        ([1, 1], 0),
        ([1, 1, 1], 1),
        ([1, 1, 1, 1], 1),
        ([1, 1, 1, 1, 1], 2),
        ([1, 1, 0.9, 0.9, 0.9], 1),
        ([1, 2, 0.9, 2, 2], 1),
        ([1, 2, 2, 1.5, 1.5], 2),  # better than lately is not better than the best
        ([1, 0.99995, 0.99992], 1),  # nor is better by less than a ten-thousandth
        ([1, 0.9998, 0.9996], 0),
        ([1, float("nan"), float("nan")], 1),
    ],
)
def test_plateau_counts_epochs_without_a_better_loss(losses: list[float], drops: int):
    assert plateau_drops(losses, patience=2) == drops


def test_plateau_lowers_the_rate_from_the_next_epoch_on():
    config = Config.preset(
        "plain",
        schedule="plateau",
        learning_rate=0.5,
        decay_factor=0.1,
        plateau_patience=1,
        epochs=9,
    )
    assert learning_rate(config, 0, STEPS, []) == 0.5
    assert learning_rate(config, 20, STEPS, [1, 1]) == pytest.approx(0.05)
    assert learning_rate(config, 30, STEPS, [1, 1, 1]) == pytest.approx(0.005)


@pytest.mark.parametrize(
    "setting", ["decay_epochs", "decay_factor", "warmup", "final_rate_fraction"]
)
@pytest.mark.parametrize("value", [5e-324, 1e-323, 1e-310, 1e-6, 1.0, 1e300])
def test_every_number_is_refused_or_gives_finite_rates(setting: str, value: float):
    settings: dict[str, Any] = {setting: value}
    for schedule in ("step", "exponential", "linear", "cosine", "one-cycle", "plateau"):
        try:
            course = rates(schedule, **settings)
        except ConfigError:
            continue
        assert all(0 <= rate <= 0.5 for rate in course)
    if setting == "decay_epochs" and value < 1e-6:
        with pytest.raises(ConfigError):
            Config(decay_epochs=value)
