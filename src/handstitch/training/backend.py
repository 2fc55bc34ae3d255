"""The numpy backend, and the choice between it and the numba backend."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from handstitch import machine
from handstitch.arrays import Images, Indices, Labels
from handstitch.compiled.availability import bfloat16_unit, unavailable_reason
from handstitch.compiled.comparison import core_digests
from handstitch.config import Config
from handstitch.config.schema import from_mapping
from handstitch.core.network import Network, Workspace
from handstitch.core.optimizers import Optimizer
from handstitch.data.augmentation import Variants, resolve_shift
from handstitch.data.batches import Batches, Subset
from handstitch.data.dataset import Dataset
from handstitch.errors import Argument, ConfigError, ModelFileError, Phrase
from handstitch.evaluation import Evaluator
from handstitch.machine.build import version
from handstitch.receptive_fields import resolve_sides

if TYPE_CHECKING:
    from handstitch.compiled.step import NumbaBackend


class NumpyBackend:
    """Gather a batch, forward, loss, backward, update: core/ as it stands."""

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        batches: Batches,
        label_smoothing: float = 0.0,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.batches = batches
        self._workspace = Workspace(network, batches.batch_size, smoothing=label_smoothing)

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Within, this backend has its threads: those of the BLAS, which the caller sets."""
        yield

    def store(self) -> None:
        """Bring θ and the optimizer's slots up to date: here they always are."""

    def train_batch(
        self,
        indices: Indices,
        learning_rate: float,
        scale: float,
        limit: float,
        rng: np.random.Generator | None,
        *,
        variants: Variants | None = None,
        mixing: float = 1.0,
    ) -> tuple[float, int]:
        """One step on images `indices` (n,): their summed loss in nats and number of correct ones.

        Both are taken before θ and the optimizer's slots are updated. `scale` is 1 for summed
        gradients, 1 / Σ weights for their mean; `rng` is dropout's; `variants` of the images, where
        given, are trained on instead. Where the loss is above `limit`, or NaN, nothing is updated.
        `mixing` is the share λ of each sample in its mixture with the next of the batch. It is
        correct where its own label is predicted.
        """
        work = self._workspace.for_batch(len(indices))
        y = self.batches.gather(indices, work.X, variants, mixing)
        self.network.forward(work.X, work, rng)
        correct = self.network.count_correct(y, work)
        loss = self.network.loss(y, work, self.batches.gather_weights(indices), mixing)
        if loss <= limit:
            self.network.backward(work, self.optimizer.into(learning_rate, scale))
            self.optimizer.step(learning_rate)
        return loss, correct

    def validate(self, images: Images | Subset, labels: Labels) -> tuple[float, float]:
        """Mean cross-entropy in nats and accuracy on these samples, without dropout.

        NaN where the network overflows.
        """
        evaluator = Evaluator(self.network, images, self.batches.scaling)
        try:
            return evaluator.loss_and_accuracy(labels)
        except ModelFileError:
            return nan, 0.0


def choose_backend(
    config: Config, network: Network, optimizer: Optimizer, batches: Batches
) -> NumpyBackend | NumbaBackend:
    """The backend that `config` asks for; for `auto`, numba where it is available."""
    if resolve(config) == "numpy":
        return NumpyBackend(network, optimizer, batches, config.label_smoothing)
    from handstitch.compiled.step import NumbaBackend

    threads = machine.resolve_threads(config.threads)
    unit = _unit(config)
    return NumbaBackend(network, optimizer, batches, threads, config.label_smoothing, unit)


def resolve(config: Config) -> str:
    """`numba` or `numpy`: the backend's name, with `auto` resolved.

    Raises ConfigError where numba, or bfloat16, is asked for and unavailable.
    """
    if config.precision == "bfloat16" and (lack := bfloat16_lack(config)):
        raise ConfigError(
            "products in bfloat16 are not available",
            found=lack,
            wanted="the numba backend, a hidden layer, and a processor with AVX512-BF16 or AMX",
            fix=Phrase("train in float32: {}", Argument("precision", "float32")),
        )
    reason = unsupported_reason(config) if config.backend != "numpy" else None
    if reason is not None and config.backend == "numba":
        raise ConfigError(
            "the numba backend is not available",
            found=reason,
            wanted="numba, an OpenMP library, a hidden layer, and core/ as compared (make compare)",
            fix=Phrase("install what is missing, or use {}", Argument("backend", "numpy")),
        )
    return "numpy" if config.backend == "numpy" or reason is not None else "numba"


def for_dataset(config: Config, dataset: Dataset) -> Config:
    """`config` on this data set: with what is `auto` for its images resolved."""
    shape = dataset.image_shape
    sides = resolve_sides(config.receptive_field, shape) if config.hidden_sizes else ()
    shift = resolve_shift(config.shift, shape)
    return replace(config, dataset=dataset.name, receptive_field=sides, shift=shift)


def resolve_auto(config: Config) -> Config:
    """`config` with threads and backend resolved from `auto`.

    Raises ConfigError as `resolve`.
    """
    threads = machine.resolve_threads(config.threads)
    return from_mapping(config.to_dict() | {"threads": threads, "backend": resolve(config)}, "run")


def unsupported_reason(config: Config) -> str | None:
    """Why the numba backend cannot train `config` here; None if it can."""
    fields = config.receptive_field not in {(), "auto"}
    if fields and config.input_dropout and config.scaling == "standard":
        return "receptive fields with dropout of standardised pixels"
    return unavailable_reason() if config.hidden_sizes else "a network without a hidden layer"


def bfloat16_lack(config: Config) -> str | None:
    """What stands against products in bfloat16 in a run of `config` here; None if nothing does."""
    if config.backend == "numpy":
        return "the numpy backend"
    if reason := unsupported_reason(config):
        return reason
    if bfloat16_unit():
        return None
    from handstitch.compiled.jit import FEATURES  # of the processor that numba makes code for

    units = {"AVX2": "+avx2", "AVX-512": "+avx512f"}
    found = [unit for unit, feature in units.items() if feature in FEATURES.split(",")]
    with_units = f" with {' and '.join(found)}," if found else ""
    return f"a processor{with_units} without AVX512-BF16 or AMX"


def describe(config: Config) -> str:
    """The backend of a run of `config` in one line, with the reason where numba is unavailable."""
    if resolve(config) == "numba":
        products = f", products in bfloat16 ({unit})" if (unit := _unit(config)) else ""
        return f"numba {version('numba')}{products}"
    return (
        "numpy, as chosen" if config.backend == "numpy" else f"numpy: {unsupported_reason(config)}"
    )


def build_info(config: Config) -> dict[str, str]:
    """Backend, its version, its unit of bfloat16 products and the text of core: what decides the
    bits of a run, of our own.
    """
    name = resolve(config)
    digest = hashlib.sha256("".join(core_digests().values()).encode()).hexdigest()
    words = f"numba {version('numba')}" if name == "numba" else name
    unit = _unit(config)
    return {"backend": words, **({"bfloat16": unit} if unit else {}), "core": digest[:16]}


def _unit(config: Config) -> str | None:
    """The unit of a run's products in bfloat16; None where they are in float32."""
    return bfloat16_unit() if config.precision == "bfloat16" else None
