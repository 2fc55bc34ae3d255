from __future__ import annotations

import numpy as np
import pytest

from handstitch import machine
from handstitch.config import Config
from handstitch.core.network import Network, Workspace
from handstitch.core.optimizers import Optimizer
from handstitch.core.parameters import Parameters
from handstitch.training.footprint import bytes_needed

SIZES = (784, 512, 256, 10)
PARAMETERS = 535_818


@pytest.mark.parametrize(
    ("optimizer", "vectors"),
    [("sgd", 8), ("momentum", 13), ("nesterov", 13), ("rmsprop", 13), ("adam", 17), ("adamw", 17)],
)
def test_what_an_optimizer_keeps_is_counted(optimizer: str, vectors: int) -> None:
    """4 × (θ, best, slots), and the gradient where one is stored."""
    small = Config.preset("plain", optimizer=optimizer, batch_size=1)
    needed = bytes_needed(small, SIZES, 10)
    assert needed // (4 * PARAMETERS) == vectors
    theta = Parameters(SIZES, np.zeros(PARAMETERS, np.float32))
    kept = Optimizer(theta, optimizer)
    stored = kept.gradient is not None
    assert vectors == 4 * (2 + len(kept.slots)) + stored


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("input_dropout", [0.0, 0.2])
def test_the_workspaces_are_counted_as_they_are_made(dropout: float, input_dropout: float) -> None:
    config = Config.preset("plain", dropout=dropout, input_dropout=input_dropout, batch_size=300)
    network = Network(
        Parameters(SIZES, np.zeros(PARAMETERS, np.float32)),
        config.activations,
        dropout,
        input_dropout,
    )
    of_one = Workspace(network, 1).memory.nbytes
    more = Config.preset("plain", dropout=dropout, input_dropout=input_dropout, batch_size=301)
    difference = bytes_needed(more, SIZES, 20_000) - bytes_needed(config, SIZES, 20_000)
    # What the numba backend has besides: random numbers, and a word for every 64 numbers.
    drawn = 4 * sum(SIZES[1:-1]) if dropout else 0
    words = 8 * 13 * machine.cores()
    targets = 4 * SIZES[-1]
    # And one image gathered as bytes.
    assert difference == of_one + drawn + words + targets + SIZES[0]


def test_a_word_for_every_64_numbers_is_counted_for_every_thread() -> None:
    one, many = (
        bytes_needed(Config(threads=threads, batch_size=6000), SIZES, 10_000)
        for threads in (1, 1024)
    )
    assert many - one == 1023 * 8 * 6000 * 13
    one, many = (
        bytes_needed(Config(threads=threads, batch_size=1), SIZES, 10_000) for threads in (1, 1024)
    )
    assert many - one == 1023 * 8 * 784  # a word for each unit of the widest layer


def test_a_batch_is_at_most_the_data() -> None:
    few = Config.preset("plain", batch_size=100)
    assert bytes_needed(few, SIZES, 100) == bytes_needed(
        Config.preset("plain", batch_size=9000), SIZES, 100
    )


def test_clipping_needs_the_gradient_stored() -> None:
    plain, clipped = Config.preset("plain"), Config.preset("plain", clip_norm=1.0)
    difference = bytes_needed(clipped, SIZES, 100) - bytes_needed(plain, SIZES, 100)
    assert difference == 4 * PARAMETERS


def test_a_million_wide_takes_terabytes_and_no_time() -> None:
    wide = Config.preset("plain", hidden_sizes=(1_000_000, 1_000_000))
    assert bytes_needed(wide, (784, 1_000_000, 1_000_000, 10), 60_000) > 2**44
