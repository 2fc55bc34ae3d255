"""What `handstitch bench` measures. No test asserts a speed: bench/ does that."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from handstitch import benchmark
from handstitch.compiled import step
from handstitch.config import Config
from handstitch.training import Trainer, backend

SMALL = Config.preset("plain", hidden_sizes=(16, 8), threads=1)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "IMAGES", 400)
    monkeypatch.setattr(benchmark, "_SQUARE", 64)


def test_operations_of_a_step_counted_product_by_product():
    """Forward and weights' gradient in three layers, inputs' gradient in two of them."""
    n, m, k, c = 784, 512, 256, 10
    by_hand = 2 * (n * m + m * k + k * c) * 2 + 2 * (m * k + k * c)
    assert benchmark.flops_per_image((n, m, k, c)) == by_hand
    assert 54_000 * by_hand == pytest.approx(130e9, rel=0.01)  # an epoch of the report


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_figures_fit_each_other(backend: Any):
    found = benchmark.measure(
        Config.preset("plain", hidden_sizes=(16, 8), threads=1, backend=backend), (32, 64), 0.02
    )
    assert found.sizes == [784, 16, 8, 10]
    assert found.threads == 1
    assert found.backend.startswith(backend)
    assert [each.batch_size for each in found.training] == [32, 64]
    for each in found.training:
        assert each.images_per_second == pytest.approx(each.batch_size / each.step_seconds)
        rate = each.images_per_second * benchmark.flops_per_image(tuple(found.sizes))
        assert each.flops_per_second == pytest.approx(rate)
        assert each.share_of_peak == pytest.approx(rate / found.peak_flops_per_second)
        assert each.share_of_unit is None
    assert found.classified_per_second > 0
    assert found.one_image_seconds > 0


def test_the_peak_of_a_unit_is_that_of_all_threads(monkeypatch: pytest.MonkeyPatch):
    one = SimpleNamespace(bfloat16_flops=lambda seconds: 1e9 * seconds)
    monkeypatch.setitem(sys.modules, "handstitch.compiled.peak", one)
    assert benchmark.measure_unit_peak(2.0, threads=3) == 6e9


def test_products_in_bfloat16_have_a_share_of_their_unit(monkeypatch: pytest.MonkeyPatch):
    """Trained in float32 here: this processor need not have a unit."""
    monkeypatch.setattr(backend, "bfloat16_unit", lambda: "AMX")
    monkeypatch.setattr(
        step, "NumbaBackend", lambda *given, real=step.NumbaBackend: real(*given[:-1])
    )
    monkeypatch.setattr(benchmark, "measure_unit_peak", lambda seconds, threads: threads * 1e9)
    found = benchmark.measure(replace(SMALL, precision="bfloat16"), (32,), 0.02)
    assert (found.bfloat16_unit, found.unit_flops_per_second) == ("AMX", 1e9)
    (each,) = found.training
    assert each.share_of_unit == pytest.approx(each.flops_per_second / 1e9)


def test_it_is_real_steps_that_are_timed(monkeypatch: pytest.MonkeyPatch):
    """Each time noted is of one step: they add up to no more than the time there was."""
    taken: list[int] = []
    fit = Trainer.fit

    def counted(trainer: Trainer, *others: Any) -> Any:
        try:
            return fit(trainer, *others)
        finally:
            taken.append(trainer.state.optimizer.steps)

    monkeypatch.setattr(Trainer, "fit", counted)
    benchmark.measure(SMALL, (32,), 0.05)
    assert len(taken) == 2
    assert min(taken) >= 3


def test_settings_of_a_recipe_do_not_stand_in_the_way():
    config = Config.preset(
        "plain", hidden_sizes=(8,), threads=1, optimizer="adam", dropout=0.2, schedule="one-cycle",
        warmup=0.5, epochs=1, scaling="standard",
    )  # fmt: skip
    assert benchmark.measure(config, (50,), 0.02).training[0].batch_size == 50
