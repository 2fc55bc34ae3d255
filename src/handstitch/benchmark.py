"""How fast this machine trains: in images and in arithmetic, beside what its BLAS can do at best.

For a quiet machine. Medians over many short pieces, so that a moment's disturbance is not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Final

import msgspec
import numpy as np

from handstitch import machine, training
from handstitch.config import Config
from handstitch.core.blas import gemm
from handstitch.core.network import Network
from handstitch.data.dataset import GARMENTS, Dataset, digest_of
from handstitch.data.scaling import Scaling
from handstitch.model.classifier import compiled
from handstitch.training import backend

IMAGES: Final = 10_000
"""Images that are trained on and classified: noise, of which half is 0, as of Fashion-MNIST;
nothing else that is on images takes time."""
_SIDE: Final = 28
_SQUARE: Final = 2048
"""Rows of the product that shows what the BLAS can do: large enough to be at its best."""


class Training(msgspec.Struct, frozen=True):
    """The speed of training with one batch size."""

    batch_size: int
    step_seconds: float
    """Of one step, everything that a run does in it; the median."""
    images_per_second: float
    flops_per_second: float
    share_of_peak: float


class Speed(msgspec.Struct, frozen=True):
    """What was measured on this machine."""

    sizes: list[int]
    threads: int
    backend: str
    """Which backend trained, as `training.backend.describe` says it."""
    kernel: str
    """Of the BLAS that trains."""
    peak_flops_per_second: float
    """Of the BLAS alone, on a product of large square matrices in float32."""
    training: list[Training]
    classified_per_second: float
    """Images, many at a time, from bytes to probabilities."""
    one_image_seconds: float
    """From bytes to probabilities."""


class _EnoughError(Exception):
    """The time for a measurement is over."""


def measure(config: Config, batch_sizes: tuple[int, ...], seconds: float) -> Speed:
    """Train and classify for about `seconds` in each measurement."""
    config = replace(config, threads=machine.resolve_threads(config.threads), warmup=0.0)
    dataset = _noise()
    sizes = training.TrainingData(config, dataset).sizes
    with machine.blas_threads(int(config.threads)):
        best = peak(seconds)
        rates = [
            _training(replace(config, batch_size=n), dataset, seconds, best) for n in batch_sizes
        ]
        network = training.start(config, sizes).network
        many, one = _classifying(network, dataset, seconds)
    return Speed(
        sizes=list(sizes),
        threads=int(config.threads),
        backend=backend.describe(config),
        kernel=machine.blas_kernel(),
        peak_flops_per_second=best,
        training=rates,
        classified_per_second=many,
        one_image_seconds=one,
    )


def flops_per_image(sizes: tuple[int, ...]) -> int:
    """Floating-point operations of the products in one image's share of a training step.

    Each of the n·m weights of a layer takes a multiplication and an addition in the forward
    product, in the weights' gradient and, but for the first layer, in the inputs' gradient.
    """
    products = [n * m for n, m in pairwise(sizes)]
    return 2 * (3 * sum(products) - products[0])


def peak(seconds: float) -> float:
    """Operations a second of the BLAS at its best: C ← A B of large matrices in float32."""
    A, B, C = (np.ones((_SQUARE, _SQUARE), np.float32) for _ in range(3))
    gemm(1.0, A, B, 0.0, C)
    times = _repeated(lambda: gemm(1.0, A, B, 0.0, C), seconds)
    return 2 * _SQUARE**3 / median(times)


def _training(config: Config, dataset: Dataset, seconds: float, best: float) -> Training:
    """Runs of the very loop that trains, until the time is over; each step is timed."""
    times: list[float] = []
    began = last = perf_counter()

    def note(state: training.State) -> None:
        nonlocal last
        now = perf_counter()
        if state.batch > 1:  # before the first step of an epoch, validation took its time
            times.append(now - last)
        last = now
        if now - began > seconds and len(times) >= 3:
            raise _EnoughError

    task = training.TrainingData(config, dataset)
    n = task.batches.batch_size
    for _ in range(2):  # the first time is for warming up, and for compiling
        state = training.start(config, task.sizes)
        times.clear()
        began = last = perf_counter()
        with suppress(_EnoughError):
            training.fit(state, task, config, note)
    step = median(times)
    rate = n / step * flops_per_image(task.sizes)
    return Training(n, step, n / step, rate, rate / best)


def _classifying(network: Network, dataset: Dataset, seconds: float) -> tuple[float, float]:
    """Images a second of many, and seconds of one."""
    scaling = Scaling(0.0, 1 / 256)
    classify, images, image = compiled(network, scaling), dataset.images, dataset.images[0]
    classify(images)
    classify(image)
    all_of_them = median(_repeated(lambda: classify(images), seconds))
    return len(images) / all_of_them, median(_repeated(lambda: classify(image), seconds))


def _repeated(work: Callable[[], object], seconds: float) -> list[float]:
    """How long each call took; at least three."""
    times: list[float] = []
    until = perf_counter() + seconds
    while len(times) < 3 or perf_counter() < until:
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return times


def _noise() -> Dataset:
    rng = np.random.Generator(np.random.Philox(0))
    images = rng.integers(0, 256, (IMAGES, _SIDE, _SIDE), np.uint8)
    images *= rng.integers(0, 2, images.shape, np.uint8)
    labels = rng.integers(0, len(GARMENTS), IMAGES, np.uint8)
    digest = digest_of(images, labels)
    return Dataset("noise", "train", images, labels, GARMENTS, digest, "drawn from a seed")
