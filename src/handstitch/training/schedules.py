"""Learning-rate schedules: pure functions of the step, so a resumed run gets the same rates."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi

from handstitch.config import Config

ONE_CYCLE_RISE = 0.3
"""Fraction of a one-cycle run in which the rate rises, if `warmup` does not say
(L. N. Smith, arXiv:1708.07120)."""
ONE_CYCLE_START = 1 / 25
"""First rate of a one-cycle run, as a fraction of the learning rate."""
PLATEAU_THRESHOLD = 1e-4
"""The fraction of the best loss by which a new best must be lower."""


def learning_rate(
    config: Config, step: int, steps_per_epoch: int, val_losses: Sequence[float] = ()
) -> float:
    """The learning rate η of step `step`, counted from 0 over the whole run.

    `val_losses` are the validation losses of the completed epochs; only `plateau` uses them.
    """
    warmup = config.warmup * steps_per_epoch
    if config.schedule == "one-cycle":
        warmup = warmup or ONE_CYCLE_RISE * (config.epochs * steps_per_epoch)
    rise = 1.0
    if step < warmup:
        start = ONE_CYCLE_START if config.schedule == "one-cycle" else 0.0
        rise = min(1.0, start + (1 - start) * ((step + 1) / warmup))
    return config.learning_rate * rise * _decay(config, step, steps_per_epoch, warmup, val_losses)


def _decay(
    config: Config, step: int, steps_per_epoch: int, warmup: float, val_losses: Sequence[float]
) -> float:
    """The schedule's factor on the learning rate, without the warm-up."""
    if config.schedule == "step":
        return float(config.decay_factor ** int(step / steps_per_epoch / config.decay_epochs))
    if config.schedule == "exponential":
        return float(config.decay_factor ** (step / steps_per_epoch / config.decay_epochs))
    if config.schedule in {"linear", "cosine", "one-cycle"}:
        last = config.epochs * steps_per_epoch - 1
        progress = min(1.0, max(0.0, step - warmup) / max(1.0, last - warmup))
        is_linear = config.schedule == "linear"
        left = 1 - progress if is_linear else (1 + cos(pi * progress)) / 2
        return config.final_rate_fraction + (1 - config.final_rate_fraction) * left
    if config.schedule == "plateau":
        return float(config.decay_factor ** plateau_drops(val_losses, config.plateau_patience))
    return 1.0


def plateau_drops(val_losses: Sequence[float], patience: int) -> int:
    """Number of drops of the rate: one for every `patience` epochs in a row without a new best.

    A loss is a new best when it is lower than the best before by PLATEAU_THRESHOLD of it.
    """
    drops, waited, best = 0, 0, float("inf")
    for loss in val_losses:
        if loss < best * (1 - PLATEAU_THRESHOLD):
            best, waited = loss, 0
        else:
            waited += 1
        if waited == patience:
            drops, waited = drops + 1, 0
    return drops
