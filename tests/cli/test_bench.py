"""handstitch bench: what it prints, and what it refuses."""

from __future__ import annotations

import pytest

from handstitch import benchmark
from handstitch.config import Config
from handstitch.training import backend
from tests.cli.conftest import Handstitch

QUICK = ("bench", "--seconds", "0.02", "--hidden", "16", "8", "--threads", "1")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "IMAGES", 300)
    monkeypatch.setattr(benchmark, "_SQUARE", 64)


def test_says_kernel_threads_step_and_share_of_the_peak(handstitch: Handstitch):
    result = handstitch(*QUICK)
    assert result.code == 0, result.err
    for words in ("784-16-8-10", "kernel ", "1 thread\n", "numba 0", "GFLOP/s", "share"):
        assert words in result.out
    rows = [line.split()[0] for line in result.out.splitlines() if line[:1].isdigit()]
    assert rows == ["64", "128", "256"]


def test_json_is_one_object(handstitch: Handstitch):
    found = handstitch(*QUICK, "--batch-size", "50", "--backend", "numpy", "--json").json
    assert found["backend"] == "numpy, as chosen"
    assert [each["batch_size"] for each in found["training"]] == [50]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon", "601"])
def test_a_time_that_cannot_be(handstitch: Handstitch, seconds: str):
    result = handstitch("bench", f"--seconds={seconds}")
    assert result.code == 2
    assert f"--seconds={seconds}" in result.err
    assert len(result.err.splitlines()) <= 6


def test_a_slow_kernel_is_said(handstitch: Handstitch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("handstitch.machine.libraries.preferred_kernel", lambda: "Fancy")
    result = handstitch(*QUICK, "--batch-size", "50")
    assert result.code == 0
    assert "Fancy would be about twice as fast" in result.err


@pytest.fixture
def speed() -> benchmark.Speed:
    """Figures as `measure` gives them of products in bfloat16."""
    one = benchmark.TrainingSpeed(64, 1e-3, 64e3, 80e9, 0.4, 0.1)
    return benchmark.Speed(
        [784, 8, 10], 2, "numba", "SkylakeX", 200e9, "AMX", 800e9, [one], 1e5, 1e-4
    )  # fmt: skip


def test_products_in_bfloat16_are_compared_with_both_peaks(
    handstitch: Handstitch, monkeypatch: pytest.MonkeyPatch, speed: benchmark.Speed
):
    def measure(config: Config, *_: object) -> benchmark.Speed:
        assert config.precision == "bfloat16"
        return speed

    monkeypatch.setattr(benchmark, "measure", measure)
    result = handstitch("bench", "--precision", "bfloat16")
    assert result.code == 0, result.err
    for words in (
        "Peak of this machine's BLAS: 200 GFLOP/s in float32\n",
        "Peak of AMX: 800 GFLOP/s in bfloat16, from registers\n",
    ):
        assert words in result.out
    head, row = [line for line in result.out.splitlines() if line.split()[0] in {"batch", "64"}]
    assert head.split()[-5:] == ["share", "of", "peak", "of", "AMX"]
    assert row.split()[-2:] == ["40%", "10%"]


def test_doctor_names_the_unit_or_why_there_is_none(
    handstitch: Handstitch, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HANDSTITCH_PRECISION", "bfloat16")  # no reason to end here
    monkeypatch.setattr(backend, "bfloat16_unit", lambda: "AMX")
    assert handstitch("doctor", "--json").json["bfloat16"] == "AMX"
    monkeypatch.setattr(backend, "bfloat16_unit", lambda: None)
    found = handstitch("doctor", "--json").json
    assert "without AVX512-BF16 or AMX" in found["bfloat16"]
    assert "bfloat16" not in found["backend"]


def test_doctor_names_the_step(handstitch: Handstitch):
    assert "numba 0" in handstitch("doctor").out
    assert "numba" in handstitch("doctor", "--json").json["backend"]
