"""Small files of large networks: memory is bounded or refused, and long work is announced."""

from __future__ import annotations

import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from handstitch import insight
from handstitch.core.network import Network
from handstitch.data.scaling import Scaling
from handstitch.errors import MachineError
from handstitch.evaluation import Evaluator
from handstitch.insight.probe_images import DRAWN, probe_images
from handstitch.machine import memory, progress
from handstitch.model import load_model, save_model
from tests.sample_models import sample


def test_fewer_images_are_drawn_for_a_very_large_network() -> None:
    assert len(probe_images(sample((4, 3, 2)), None, None).images) == DRAWN
    wide = probe_images(sample((2**20, 1), image_shape=(2**10, 2**10)), None, None)
    assert len(wide.images) == 63  # 2²⁶ inputs and units in all
    assert wide.description.startswith("63 images of noise")


def test_statistics_of_a_million_pixels_cost_little_memory(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "wide.safetensors"
    save_model(path, sample((1_000_000, 1), image_shape=(1000, 1000), dataset="theirs"))
    limit = 3 * 2**30  # of addresses: libraries and threads take half of them
    done = subprocess.run(
        [sys.executable, "-m", "handstitch", "show", "weights", "--stats", str(path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 0, done.stderr
    assert "Verdict: " in done.stdout


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 1 MiB left."""
    monkeypatch.setattr(memory, "available", lambda: 2**20)


def test_images_that_do_not_fit_are_refused_before_anything_is_allocated(
    small_machine: None,
) -> None:
    model = sample((4, 3, 2))
    network, scaling = Network(model.parameters, model.activations), Scaling(0, 1)
    Evaluator(network, np.zeros((10, 2, 2), np.uint8), scaling)  # 10 · (4 + 2 · 5 + 2) numbers
    model = sample((784, 200, 10), image_shape=(28, 28))
    network = Network(model.parameters, model.activations)
    with pytest.raises(MachineError) as caught:
        Evaluator(network, np.zeros((1000, 28, 28), np.uint8), scaling)
    assert str(caught.value).splitlines()[0] == "not enough memory for 1,000 images at a time"
    assert caught.value.fix == memory.OF_A_FILE


def test_a_model_file_that_does_not_fit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "best.safetensors"
    save_model(path, sample())
    size = path.stat().st_size
    monkeypatch.setattr(memory, "available", lambda: 3 * size)
    load_model(path)
    monkeypatch.setattr(memory, "available", lambda: 3 * size - 1)
    with pytest.raises(MachineError, match=f"not enough memory for {path.name}, {size:,} bytes"):
        load_model(path)


def test_statistics_announce_their_layers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "monotonic", count(0, 20).__next__)
    with caplog.at_level("INFO", "handstitch"):
        insight.weights(sample((4, 3, 3, 2)), copies=3)
    kinds = {message.split(":")[0] for message in caplog.messages}
    assert kinds == {
        "permutation test, layers",
        "permutation test, shuffled copies of a layer",
        "singular values, layers",
    }


def test_noise_in_place_of_features_is_scaled_as_they_were() -> None:
    offset, scale = (7.0, -1e3), (0.5, 100.0)
    model = sample((2, 3, 2), image_shape=(2,), offset=offset, scale=scale)
    probe = probe_images(model, None, None)
    assert probe.images[:].dtype == np.float32
    X = np.empty(probe.images.shape, np.float32)
    model.scaling.apply(probe.images[:], X)
    np.testing.assert_allclose(X.std(axis=0), 1, atol=0.1)
    assert "samples of noise" in probe.description
