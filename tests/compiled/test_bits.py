"""The same bits from code that is compiled now, found on disk, or for another processor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.compiled.test_availability import MAKE, run

WORK = f"""{MAKE}
import hashlib
from handstitch.compiled import network
from handstitch.compiled.kernels import PANEL_VECTORS
from handstitch.model.inference import compiled
CHOICES = [
    dict(optimizer="adam", dropout=0.2, clip_norm=0.1, weight_decay=0.01),
    dict(optimizer="nesterov", activation=("sigmoid", "elu"), hidden_sizes=(40, 24)),
    dict(optimizer="rmsprop", activation=("tanh", "leaky_relu")),
    dict(weight_decay=0.01, batch_size=130),
]
found = dict(bits=[], losses=[], losses_of_numpy=[])
for choice in CHOICES:
    trainer = hs.Trainer(hs.Config(**(settings | choice), backend="numba"), data)
    found["losses"] += [record.val_loss for record in trainer.fit()]
    classify = compiled(trainer.state.network, trainer.scaling)
    parts = [trainer.state.network.parameters.vector, classify(images)]
    parts += [classify(image) for image in images[:20]]
    found["bits"].append(hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest())
    trainer = hs.Trainer(hs.Config(**(settings | choice), backend="numpy"), data)
    found["losses_of_numpy"] += [record.val_loss for record in trainer.fit()]
found["is_compiled"] = not network.forward_backward.stats.cache_hits
print(json.dumps(found | dict(vectors=PANEL_VECTORS[0])))
"""


HASWELL = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2,+popcnt"}
"""A processor without AVX-512."""


class Compiled(NamedTuple):
    """A folder of machine code, and what the process found that compiled it."""

    folder: Path
    found: dict[str, Any]


def train(folder: Path, **variables: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(WORK, folder, NUMBA_CACHE_DIR=str(folder), **variables))
    return found


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    folder = tmp_path_factory.mktemp("code")
    return Compiled(folder, train(folder))


def test_compiling_changes_no_bit(compiled: Compiled):
    again = train(compiled.folder)
    assert (compiled.found.pop("is_compiled"), again.pop("is_compiled")) == (True, False)
    assert again == compiled.found
    assert len(set(again["bits"])) == 4


def test_code_for_another_processor_in_one_cache(compiled: Compiled):
    """Code is made for the processor that numba was told; the two share one folder of code."""
    other = train(compiled.folder, **HASWELL)
    assert other["is_compiled"]
    assert other["vectors"] == 6  # without AVX-512
    again = train(compiled.folder)
    assert not again["is_compiled"]
    assert again["bits"] == compiled.found["bits"]
    for found in (again, other):
        assert found["losses"] == pytest.approx(found["losses_of_numpy"], rel=1e-3)
