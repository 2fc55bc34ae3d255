"""How much memory a run needs, computed before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from handstitch.config import Config
from handstitch.core.optimizers import OPTIMIZERS
from handstitch.core.parameters import count
from handstitch.evaluation import ROWS

FLOAT: Final = 4
"""Bytes of a float32."""


def bytes_needed(config: Config, sizes: Sequence[int], images: int) -> int:
    """Bytes that training a network of these sizes takes at its highest, the images included.

    `sizes` counts units from the input to the output; `images` is the number of training images,
    validation included, one byte a pixel. What the interpreter and the libraries take is not in it.
    """
    _, slots = OPTIMIZERS[config.optimizer]
    state = 2 + len(slots)  # θ, its best, and the slots
    gradient = config.optimizer != "sgd" or config.clip_norm > 0
    # While a state is written there is the one that trains on, the one that is written, and what
    # safetensors makes of it, twice.
    vectors = FLOAT * count(tuple(sizes)) * (4 * state + gradient)
    batch = min(config.batch_size, images)
    held_out = round(config.validation * images)
    silenced = sum(sizes[1:-1]) * (config.dropout > 0)
    dropped = sizes[0] * (config.input_dropout > 0) + silenced
    # As core.network.Workspace: X, outputs and gradients, masks and dropped inputs, targets; the
    # compiled step keeps the numbers drawn for masks of hidden units, too.
    columns = sizes[0] + 2 * sum(sizes[1:]) + 2 * dropped + silenced + sizes[-1] + 1
    working = FLOAT * columns * (batch + min(ROWS, max(1, held_out)))
    pixels = (images + held_out + batch) * sizes[0]
    return vectors + working + pixels
