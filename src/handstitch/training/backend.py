"""One step of training, the readable way; and which way a run takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from handstitch import machine
from handstitch.arrays import Images, Indices, Labels
from handstitch.compiled.availability import unavailable_reason
from handstitch.config import Config
from handstitch.config.schema import from_mapping
from handstitch.core.network import Network, Workspace
from handstitch.core.optimizers import Optimizer
from handstitch.data.batches import Batches
from handstitch.errors import ConfigError
from handstitch.evaluation import Evaluator

if TYPE_CHECKING:
    from handstitch.compiled.step import NumbaBackend


class NumpyBackend:
    """Gather a batch, forward, loss, backward, update: as core/ has it."""

    def __init__(self, network: Network, optimizer: Optimizer, batches: Batches) -> None:
        self.network = network
        self.optimizer = optimizer
        self.batches = batches
        self._workspace = Workspace(network, batches.batch_size)

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Nothing need be done: this step uses the BLAS's own threads."""
        yield

    def train_batch(
        self,
        indices: Indices,
        learning_rate: float,
        scale: float,
        limit: float,
        rng: np.random.Generator | None,
    ) -> tuple[float, int]:
        """The summed loss of the picked images (n,) in nats, and how many were right, before θ
        and the optimizer's slots are changed.

        `scale` is 1 for summed gradients, 1/n for their mean; `rng` draws what is dropped. Where
        the loss is above `limit`, or not a number, nothing is changed.
        """
        work = self._workspace.for_batch(len(indices))
        y = self.batches.gather(indices, work.X)
        self.network.forward(work.X, work, rng)
        correct = self.network.count_correct(y, work)
        loss = self.network.loss(y, work)
        if loss <= limit:
            self.network.backward(work, self.optimizer.into(learning_rate, scale))
            self.optimizer.step(learning_rate)
        return loss, correct

    def validate(self, images: Images, labels: Labels) -> tuple[float, float]:
        """Mean cross-entropy in nats and accuracy on images (n, rows, columns), nothing dropped."""
        evaluator = Evaluator(self.network, images, self.batches.scaling)
        return evaluator.loss_and_accuracy(labels)


def choose(
    config: Config, network: Network, optimizer: Optimizer, batches: Batches
) -> NumpyBackend | NumbaBackend:
    """The step that `config` asks for; for `auto`, the compiled one where it can be had."""
    if resolve_or_raise(config) == "numpy":
        return NumpyBackend(network, optimizer, batches)
    from handstitch.compiled.step import NumbaBackend

    threads = machine.resolve_threads(config.threads)
    return NumbaBackend(network, optimizer, batches, threads)


def resolve(config: Config) -> str:
    """`numba` or `numpy`: what `auto` is here."""
    if config.backend != "auto":
        return config.backend
    return "numpy" if unsupported_reason(config) else "numba"


def resolve_or_raise(config: Config) -> str:
    """As `resolve`; raises ConfigError where the compiled step is asked for and cannot be had."""
    reason = unsupported_reason(config) if config.backend == "numba" else None
    if reason is not None:
        raise ConfigError(
            "the compiled step cannot be taken here",
            found=reason,
            wanted="numba, an OpenMP library and a hidden layer",
            fix="mend that, or take the readable one: --backend numpy",
        )
    return resolve(config)


def resolve_auto(config: Config, dataset: str) -> Config:
    """`config` as a run keeps it: on this data set, and with no threads or step left at `auto`.

    Raises ConfigError where the compiled step is asked for and cannot be had.
    """
    threads = machine.resolve_threads(config.threads)
    chosen = {"dataset": dataset, "threads": threads, "backend": resolve_or_raise(config)}
    return from_mapping(config.to_dict() | chosen, "this run")


def unsupported_reason(config: Config) -> str | None:
    """Why the compiled step cannot be taken, in words; None if it can."""
    return unavailable_reason() if config.hidden_sizes else "a network without a hidden layer"


def describe(config: Config) -> str:
    """Which step a run of `config` takes here, and why not the other, in one line."""
    if resolve(config) == "numba":
        return f"numba {version('numba')}"
    return (
        "numpy, as chosen" if config.backend == "numpy" else f"numpy: {unsupported_reason(config)}"
    )


def build_info(config: Config) -> dict[str, str]:
    """What of the step decides the bits of a run."""
    kind = resolve(config)
    return {"backend": f"numba {version('numba')}" if kind == "numba" else kind}
