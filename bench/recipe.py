"""A preset's recipe for programs that know nothing of Handstitch."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from handstitch.config import Config
from handstitch.receptive_fields import ReceptiveFields, group_size, resolve_sides

SHAPE = (28, 28)


def settings(preset: str, seed: int, epochs: int | None = None) -> dict[str, Any]:
    """What training takes of the preset, in numbers and words.

    The windows, (top, left, height, width), are drawn as ours; `group` units in turn share each.
    """
    config = Config.preset(preset, seed=seed, **({"epochs": epochs} if epochs else {}))
    rng = np.random.Generator(np.random.Philox(seed))
    units, sides = config.hidden_sizes[0], resolve_sides(config.receptive_field, SHAPE)
    group = group_size(units)
    fields = ReceptiveFields.draw(SHAPE, units, sides, rng, group) if sides else None
    # The peers' losses are means.
    mean = config.batch_size if config.reduction == "sum" else 1
    return {
        "preset": preset,
        "seed": seed,
        "epochs": config.epochs,
        "sizes": [784, *config.hidden_sizes, 10],
        "windows": fields.rectangles[::group].tolist() if fields else [],
        "group": group,
        "batch": config.batch_size,
        "rate": config.learning_rate * mean,
        "schedule": config.schedule,
        "warmup": config.warmup,
        "adam": config.optimizer in {"adam", "adamw"},
        "decay": config.weight_decay,
        "smoothing": config.label_smoothing,
        "shift": 1 if config.shift == "auto" else config.shift,
        "scaling": config.scaling,
    }


def text(preset: str, seed: int, epochs: int | None = None) -> str:
    """The same as JSON, for a command line."""
    return json.dumps(settings(preset, seed, epochs))
