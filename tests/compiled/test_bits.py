"""The same bits from code that is compiled now, found on disk, or for another processor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.compiled.test_availability import MAKE, run

WORK = """
import hashlib
from dataclasses import replace

from handstitch.compiled import network
from handstitch.config import Config
from handstitch.data import loading
from handstitch.model.inference import compiled
from handstitch.training import Trainer

CHOICES = [
    {"optimizer": "adam", "dropout": 0.2, "clip_norm": 0.1, "weight_decay": 0.01},
    {"optimizer": "nesterov", "activation": ("sigmoid", "elu"), "scaling": "standard"},
    {"optimizer": "rmsprop", "activation": ("tanh", "leaky_relu"), "hidden_sizes": (130, 70)},
    {"weight_decay": 0.01, "batch_size": 130},
]
whole = loading.load("sketch", "train")
pictures = replace(whole, images=whole.images[:420], labels=whole.labels[:420])
for choice in CHOICES:
    values = {"hidden_sizes": (40, 24), "batch_size": 50} | choice
    config = Config(
        dataset="sketch", backend="numba", epochs=2, threads=2, learning_rate=0.01, **values
    )
    trainer = Trainer(config, pictures)
    history = trainer.fit()
    classify = compiled(trainer.state.network, trainer.scaling)
    parts = [trainer.state.network.parameters.vector, classify(pictures.images)]
    parts += [classify(image) for image in pictures.images[:20]]
    bits = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    print(bits, [record.val_loss for record in history])
print(bool(network.forward_backward.stats.cache_hits))
"""


TRAINED = f"""{MAKE}
from handstitch.compiled.kernels import PANEL_VECTORS
losses = []
for backend in ("numba", "numpy"):
    trainer = hs.Trainer(hs.Config(**settings, backend=backend), data)
    losses += [record.val_loss for record in trainer.fit()]
print(json.dumps([*losses, len(PANEL_VECTORS), PANEL_VECTORS[0]]))
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder of machine code, and what the process printed that compiled it."""
    folder = tmp_path_factory.mktemp("code")
    return folder, run(WORK, folder, NUMBA_CACHE_DIR=str(folder))


def test_compiling_changes_no_bit(compiled: tuple[Path, str]):
    folder, output = compiled
    *first, made = output.splitlines()
    *second, found = run(WORK, folder, NUMBA_CACHE_DIR=str(folder)).splitlines()
    assert (made, found) == ("False", "True")
    assert first == second
    assert len(first) == 4


def test_code_for_another_processor_in_one_cache(compiled: tuple[Path, str]):
    """Code is made for the processor that numba was told; the two share one folder of code."""
    folder, _ = compiled
    own, generic, again = (
        json.loads(run(TRAINED, folder, NUMBA_CACHE_DIR=str(folder), **variables))
        for variables in ({}, {"NUMBA_CPU_NAME": "generic"}, {})
    )
    assert generic[-1] == 6  # without AVX-512
    assert again == own
    for one_numba, two_numba, one, two, *_ in (own, generic):
        assert (one_numba, two_numba) == pytest.approx((one, two), rel=1e-3)
