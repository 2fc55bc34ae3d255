"""Benchmark of training and inference, in images and in arithmetic, against the BLAS's peak and,
for products in bfloat16, that of the unit that computes them.

For a quiet machine. Figures are medians, so that a short disturbance does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Final

import msgspec
import numpy as np

from handstitch import machine
from handstitch.config import Config
from handstitch.core.blas import gemm
from handstitch.core.network import Network
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import Scaling
from handstitch.model.inference import compiled
from handstitch.training import State, Trainer, backend

IMAGES: Final = 10_000
"""Images to train on and classify: noise, half of it 0, as half of the pixels of Fashion-MNIST."""
_SQUARE: Final = 2048
"""Rows of the matrices that measure the BLAS's peak."""


class TrainingSpeed(msgspec.Struct, frozen=True):
    """The speed of training with one batch size."""

    batch_size: int
    step_seconds: float
    """Median of one step, with everything that a run does in it."""
    images_per_second: float
    flops_per_second: float
    share_of_peak: float
    share_of_unit: float | None
    """Of the peak of the unit of bfloat16 products; None where products are in float32."""


class Speed(msgspec.Struct, frozen=True):
    """The result of a benchmark."""

    sizes: list[int]
    threads: int
    backend: str
    kernel: str
    """Kernel of the BLAS that trains."""
    peak_flops_per_second: float
    """The BLAS alone, on large square matrices in float32."""
    bfloat16_unit: str | None
    """The unit that multiplies bfloat16 numbers; None where products are in float32."""
    unit_flops_per_second: float | None
    """Its peak on all threads, from registers alone."""
    training: list[TrainingSpeed]
    classified_per_second: float
    """Images per second, many at a time, from bytes to probabilities."""
    one_image_seconds: float
    """Seconds for one image, from bytes to probabilities."""


def measure(config: Config, batch_sizes: tuple[int, ...], seconds: float) -> Speed:
    """Train and classify for about `seconds` in each measurement."""
    dataset = _make_noise()
    trainer = Trainer(replace(config, warmup=0.0), dataset)
    config, sizes = trainer.config, trainer.sizes
    with machine.blas_threads(int(config.threads)):
        peak = measure_peak(seconds)
        unit = trainer.build.get("bfloat16")
        unit_peak = measure_unit_peak(seconds, int(config.threads)) if unit else None
        speeds = [
            _time_training(replace(config, batch_size=n), dataset, seconds, peak, unit_peak)
            for n in batch_sizes
        ]
        many, one = _time_inference(trainer.state.network, dataset, seconds)
    return Speed(
        sizes=list(sizes),
        threads=int(config.threads),
        backend=backend.describe(config),
        kernel=machine.blas_kernel(),
        peak_flops_per_second=peak,
        bfloat16_unit=unit,
        unit_flops_per_second=unit_peak,
        training=speeds,
        classified_per_second=many,
        one_image_seconds=one,
    )


def flops_per_image(sizes: tuple[int, ...]) -> int:
    """Floating-point operations per image of the products in a training step.

    Each of the n·m weights of a layer takes a multiplication and an addition in the forward
    product, in the weights' gradient and, but for the first layer, in the inputs' gradient.
    """
    products = [n * m for n, m in pairwise(sizes)]
    return 2 * (3 * sum(products) - products[0])


def measure_peak(seconds: float) -> float:
    """Peak of the BLAS in operations per second: C ← A B of large matrices in float32."""
    A, B, C = (np.ones((_SQUARE, _SQUARE), np.float32) for _ in range(3))
    gemm(1.0, A, B, 0.0, C)
    return 2 * _SQUARE**3 / median(_time_calls(lambda: gemm(1.0, A, B, 0.0, C), seconds))


def measure_unit_peak(seconds: float, threads: int) -> float:
    """Peak of the unit of bfloat16 products: that of one thread on registers, times the threads."""
    from handstitch.compiled.peak import bfloat16_flops

    return threads * bfloat16_flops(seconds)


def _time_training(
    config: Config, dataset: Dataset, seconds: float, peak: float, unit_peak: float | None
) -> TrainingSpeed:
    """Time each step of the real training loop until the time is up."""
    times: list[float] = []
    started = last = perf_counter()

    def time_step(state: State) -> None:
        nonlocal last
        now = perf_counter()
        if state.batch > 1:  # not an epoch's first step: validation came before it
            times.append(now - last)
        last = now
        if now - started > seconds and len(times) >= 3:
            raise TimeoutError

    trainer = Trainer(config, dataset)
    for run in (Trainer(config, dataset), trainer):  # the first one warms up and compiles
        times.clear()
        started = last = perf_counter()
        with suppress(TimeoutError):
            run.fit(time_step)
    step, n = median(times), trainer.batches.batch_size
    rate = n / step * flops_per_image(trainer.sizes)
    share_of_unit = rate / unit_peak if unit_peak else None
    return TrainingSpeed(n, step, n / step, rate, rate / peak, share_of_unit)


def _time_inference(network: Network, dataset: Dataset, seconds: float) -> tuple[float, float]:
    """(images per second of many, seconds for one)."""
    classify, images = compiled(network, Scaling(0.0, 1 / 256)), dataset.images
    times = []
    for asked in (images, images[0]):
        classify(asked)
        times.append(median(_time_calls(partial(classify, asked), seconds)))
    return len(images) / times[0], times[1]


def _time_calls(work: Callable[[], object], seconds: float) -> list[float]:
    """Seconds of each call of `work`; at least three calls."""
    times = [perf_counter()]
    while len(times) <= 3 or times[-1] < times[0] + seconds:
        work()
        times.append(perf_counter())
    return [after - before for before, after in pairwise(times)]


def _make_noise() -> Dataset:
    rng = np.random.Generator(np.random.Philox(0))
    images = rng.integers(0, 256, (IMAGES, 28, 28), np.uint8)
    images *= rng.integers(0, 2, images.shape, np.uint8)
    return Dataset.from_arrays(images, rng.integers(0, 10, IMAGES, np.uint8))
