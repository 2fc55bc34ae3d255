"""handstitch bench: what it prints, and what it refuses."""

from __future__ import annotations

import pytest

from handstitch import benchmark
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


def test_doctor_names_the_step(handstitch: Handstitch):
    assert "numba 0" in handstitch("doctor").out
    assert "numba" in handstitch("doctor", "--json").json["backend"]
