"""The benchmark's arithmetic and page; no test measures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_module("page", monkeypatch)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_module("jobs", monkeypatch)


def load_module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    import importlib

    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module(name)


def make_figures(**seconds: float) -> dict[str, Any]:
    names = {
        "numpy": "numpy backend",
        "products": "BLAS products alone",
        "compiled": "torch.compile",
    }
    names |= {"sklearn": "scikit-learn", "course": "the course report's way"}
    given = {"first": 9.0, "peak_mib": 100.0}
    return {
        names.get(peer, peer): {"seconds": each, "fastest": each, "slowest": each, **given}
        for peer, each in seconds.items()
    }


FOUND = {
    "machine": "Machine: one.",
    "epoch": {
        "64": make_figures(
            Handstitch=1.0, numpy=1.3, products=1.0, JAX=1.06, PyTorch=3.0, compiled=2.0,
            sklearn=4.0, course=11.0,
        ),
        "128": make_figures(
            Handstitch=1.0, numpy=1.15, products=1.0, JAX=1.05, PyTorch=2.4, compiled=2.5,
            sklearn=4.0, course=11.0,
        ),
    },
    "forward": {
        "Handstitch": {"10000": 0.04, "1": 2e-5},
        "PyTorch": {"10000": 0.05, "1": 4e-5},
        "onnxruntime": {"10000": 0.03, "1": 1.95e-5},
    },
    "windows": {
        "dense, step": 10.0, "windows, step": 6.5, "dense, first layer": 4.0,
        "windows, first layer": 1.1,
    },
    "load": {"Handstitch": {"quiet": 1.0, "busy": 3.9}},
}  # fmt: skip


def test_an_aim_is_met_or_not_by_the_ratio_of_medians(page: ModuleType):
    met = {(aim.job, aim.against): aim.met for aim in page.aims(FOUND)}
    better = "PyTorch, the better of eager and compile"
    fastest = "the faster of onnxruntime and PyTorch"
    assert met == {
        ("epoch, batch 64", "JAX"): True,
        ("epoch, batch 64", better): False,  # compile's 2.0, not eager's 3.0
        ("epoch, batch 64", "scikit-learn"): True,
        ("epoch, batch 64", "the course report's way"): False,
        ("epoch, batch 128", "JAX"): False,
        ("epoch, batch 128", better): True,
        ("numpy backend, batch 128", "BLAS products alone"): True,
        ("forward, 10,000 images", fastest): False,
        ("forward, one image", fastest): True,
        ("receptive fields, first layer", "dense"): False,
        ("receptive fields, step", "dense"): True,
        ("beside two busy processes", "alone"): True,
    }


def test_the_page_says_what_was_not_met(page: ModuleType):
    text = page.page(FOUND)
    assert "| epoch, batch 64 | scikit-learn | ≥ 3.80 × | 4.00 × | yes |" in text
    assert "| epoch, batch 128 | JAX | ≥ 1.10 × | 1.05 × | **no** |" in text
    assert "| JAX | 1.060 | 1.06 |" in text
    assert "Machine: one." in text


def test_every_script_is_a_peer_of_a_job(jobs: ModuleType):
    named = {jobs.WINDOWS} | {script for _, script, _ in jobs.EPOCH_PEERS.values()}
    named |= {script for _, script in [*jobs.FORWARD_PEERS.values(), *jobs.WHOLE_PEERS.values()]}
    there = {path.stem for path in (ROOT / "bench" / "peers").glob("*.py")} - {"__init__"}
    assert named == there


def test_the_recorded_page_and_readmes_are_those_of_the_recorded_figures(
    page: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    found = json.loads((ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))
    recorded = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert recorded == page.page(found)
    for readme, words in load_module("run", monkeypatch).READMES.items():
        assert page.short(found, words) in (ROOT / readme).read_text(encoding="utf-8")


def test_the_program_says_what_it_takes():
    command = [sys.executable, str(ROOT / "bench" / "run.py"), "--help"]
    told = subprocess.check_output(command, text=True)
    for job in ("epoch", "command", "reach", "forward", "growth", "windows", "load", "start"):
        assert job in told
