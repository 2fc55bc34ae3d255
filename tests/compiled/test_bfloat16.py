"""Training with products of bfloat16 numbers: weights and the rest of the step are float32."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from handstitch.compiled import peak
from handstitch.compiled.availability import bfloat16_unit
from handstitch.config import Config
from handstitch.data import loading
from handstitch.data.dataset import Dataset
from handstitch.training import Trainer

pytestmark = pytest.mark.skipif(bfloat16_unit() is None, reason="no unit for bfloat16 here")
CHOICES: list[dict[str, Any]] = [
    {"optimizer": "adam", "learning_rate": 0.001, "dropout": 0.2, "weight_decay": 0.01},
    {"clip_norm": 0.5, "scaling": "standard"},
    {"hidden_sizes": (130, 33), "batch_size": 131},
    {"hidden_sizes": (64, 32), "receptive_field": (3, 6), "label_smoothing": 0.1},
]


@pytest.fixture(scope="module")
def data() -> Dataset:
    whole = loading.load("sketch", "train")
    return replace(whole, images=whole.images[:600], labels=whole.labels[:600])


def train(data: Dataset, choice: dict[str, Any], **more: Any) -> Trainer:
    config = Config.preset(
        "plain", dataset="sketch", hidden_sizes=(40, 24), batch_size=50, epochs=2, backend="numba",
        precision="bfloat16", threads=2,
    )  # fmt: skip
    trainer = Trainer(replace(config, **(choice | more)), data)
    trainer.fit()
    return trainer


def bits(trainer: Trainer) -> bytes:
    return trainer.state.network.parameters.vector.tobytes()


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_as_float32_but_for_rounding(data: Dataset, choice: dict[str, Any]):
    narrow, wide = train(data, choice), train(data, choice, precision="float32")
    assert narrow.state.network.parameters.vector.dtype == np.float32
    assert bits(narrow) != bits(wide)
    for one, other in zip(narrow.state.history, wide.state.history, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=0.02)
        assert one.val_loss == pytest.approx(other.val_loss, rel=0.02)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_the_same_bits_with_any_number_of_threads(data: Dataset, choice: dict[str, Any]):
    found = {bits(train(data, choice, threads=threads)) for threads in (1, 2, 3)}
    assert len(found) == 1


def test_resumes_to_the_same_bits(data: Dataset):
    whole, first = train(data, CHOICES[0], epochs=3), train(data, CHOICES[0], epochs=1)
    resumed = Trainer(whole.config, data)
    state = first.state
    resumed.state.restore(state.arrays(), state.position(), state.history, resumed.batches)
    resumed.fit()
    assert bits(resumed) == bits(whole)


def test_the_peak_of_the_unit():
    """No processor does fewer than a multiplication and an addition a nanosecond."""
    assert 2e9 < peak.bfloat16_flops(0.01) < 1e14


def test_there_is_no_peak_without_a_unit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(peak, "bfloat16_unit", lambda: None)
    with pytest.raises(ValueError, match="no unit"):
        peak.bfloat16_flops(0.01)
