"""What the programs share: learning-rate schedule, kind of weight decay, class weights."""

from __future__ import annotations

from collections.abc import Iterator

from handstitch.config import Config, class_weights
from handstitch.training.schedules import ONE_CYCLE_RISE, ONE_CYCLE_START


def is_decoupled(config: Config) -> bool:
    """Whether there is weight decay, and it is beside the gradient."""
    return config.weight_decay > 0 and (config.decoupled or config.optimizer == "adamw")


def is_coupled(config: Config) -> bool:
    """Whether there is weight decay, and it is part of the gradient."""
    return config.weight_decay > 0 and not is_decoupled(config)


def weights_of_classes(config: Config) -> str:
    """Class weights as a dictionary; a name, to be defined, where the data decide them."""
    return repr(class_weights.parse(config.class_weight)) if config.class_weight else ""


def unscheduled(config: Config) -> Iterator[str]:
    """What `learning_rate` leaves out of the schedule: a plateau depends on the run."""
    if config.schedule == "plateau":
        yield (
            f"schedule = plateau: after {config.plateau_patience} epochs without a lower "
            f"validation loss the rate is multiplied by {config.decay_factor}"
        )


def learning_rate(config: Config) -> str:
    """Text of `learning_rate(step, steps)`, as in `schedules`."""
    kind, last = config.schedule, f"{config.epochs} * steps - 1"
    warmup, start = config.warmup, 0.0
    if kind == "one-cycle":
        warmup, start = warmup or ONE_CYCLE_RISE * config.epochs, ONE_CYCLE_START
    factors, lines = [repr(config.learning_rate)], []
    if warmup:
        lines.append(f"risen = (step + 1) / ({warmup} * steps)")
        factors.append(f"min(1.0, {_between(start, 'risen')})")
    if kind in {"step", "exponential"}:
        passed = f"step / steps / {config.decay_epochs}"
        passed = f"int({passed})" if kind == "step" else f"({passed})"
        factors.append(f"{config.decay_factor} ** {passed}")
    elif kind in {"linear", "cosine", "one-cycle"}:
        rise = f" - {warmup} * steps" if warmup else ""
        lines.append(f"passed = max(0.0, step{rise}) / max(1.0, {last}{rise})")
        left = (
            "max(0.0, 1 - passed)" if kind == "linear" else "(1 + cos(pi * min(1.0, passed))) / 2"
        )
        factors.append(_between(config.final_rate_fraction, left))
    body = "\n    ".join([*lines, "return " + " * ".join(factors)])
    return (
        "def learning_rate(step, steps):\n"
        '    """That of a step, counted from 0 over all epochs of `steps` steps."""\n'
        f"    {body}"
    )


def _between(start: float, fraction: str) -> str:
    """Text of: from `start` to 1."""
    return f"({start} + {1 - start} * {fraction})" if start else fraction
