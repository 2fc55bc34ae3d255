"""Memory footprint of a run, computed before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from handstitch import machine
from handstitch.config import Config
from handstitch.core.parameters import count
from handstitch.core.update_rules import OPTIMIZERS
from handstitch.evaluation import ROWS, workspace_bytes

FLOAT: Final = 4
"""Bytes of a float32."""


def bytes_needed(
    config: Config,
    sizes: Sequence[int],
    images: int,
    *,
    itemsize: int = 1,
    memory_mapped: bool = False,
) -> int:
    """Peak memory in bytes of training a network of these sizes, images included.

    `sizes` counts units from the input to the output; `images` is the number of training images,
    validation included, each pixel or feature of `itemsize` bytes; memory-mapped ones lie in a file
    and not in memory. The interpreter and the libraries are not counted.
    """
    _, slots = OPTIMIZERS[config.optimizer]
    state = 2 + len(slots)  # θ, its best, and the slots
    gradient = config.optimizer != "sgd" or config.clip_norm > 0
    # While a state is written there are four: the one that trains on, the copy that is written, and
    # two that safetensors makes.
    vectors = FLOAT * count(tuple(sizes)) * (4 * state + gradient)
    batch = min(config.batch_size, images)
    val_images = round(config.validation * images)
    dropout = (config.input_dropout, *[config.dropout] * (len(sizes) - 2))
    working = workspace_bytes(sizes, dropout, batch + min(ROWS, max(1, val_images)))
    # The numba backend's random numbers behind the masks of hidden units, and its bits of which
    # numbers are not 0, 64 to a word, for each thread.
    drawn = FLOAT * batch * sum(sizes[1:-1]) * (config.dropout > 0)
    threads = config.threads if isinstance(config.threads, int) else machine.cores()
    rounded = 0
    if config.precision == "bfloat16":  # a layer's inputs, for each thread
        rounded = threads * FLOAT * (batch + 32) * (max(sizes) // 2 + 32)
    masks = threads * 8 * max(*sizes, batch * -(-max(sizes) // 64))
    pixels = itemsize * sizes[0] * (batch + (0 if memory_mapped else images + val_images))
    # The targets of the numba backend, and weights of samples.
    targets = FLOAT * (batch * sizes[-1] + images * bool(config.class_weight))
    following = FLOAT * batch * sizes[0] * (config.mixup > 0)  # X once more
    identity = 2 * FLOAT * sizes[-1] ** 2  # one in each of two workspaces
    # M of the first layer, and the truth values it is made of.
    fields = (FLOAT + 2) * sizes[0] * sizes[1] * bool(config.receptive_field)
    operands = working + drawn + masks + rounded + pixels + targets + following + identity
    return vectors + operands + fields
