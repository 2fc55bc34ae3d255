"""The same bits from code compiled now or found on disk; another processor; edited formulas.

A whole compilation takes as long as hundreds of tests, so there are two: of the package for this
processor, whose code all tests share, and of an edited copy for another one.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import handstitch
from tests.compiled.test_availability import MAKE, run
from tests.compiled.test_jit import SOURCE

WORK = f"""{MAKE}
import hashlib
from handstitch.compiled import comparison, network
from handstitch.compiled.kernels import PANEL_VECTORS
from handstitch.model.inference import compiled
comparison.edited_files = list  # else an edited core would not be compiled
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
print(json.dumps(found | dict(vectors=PANEL_VECTORS[0], package=hs.__file__)))
"""


HASWELL = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2,+popcnt"}
"""A processor without AVX-512."""


EDITED = "np.maximum(Z, LEAK * Z)", "np.maximum(Z, 0.3 * Z)"
EDITED_BACKWARD = "np.maximum(np.sign(A), LEAK)", "np.maximum(np.sign(A), 0.3)"
LEAKY = slice(4, 6)
"""Losses of the one choice with leaky ReLU."""


def train(folder: Path, **variables: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(WORK, folder, **variables))
    assert found["losses"] == pytest.approx(found["losses_of_numpy"], rel=1e-3)
    assert len(set(found["bits"])) == 4
    return found


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Compiled unless that was done since the sources were edited.

    In a whole suite this file is the first, and what it compiles need not be compiled again.
    """
    return train(tmp_path_factory.mktemp("here"))


def test_on_disk_are_the_bits_that_were_compiled(here: dict[str, Any], tmp_path: Path):
    again = train(tmp_path)
    assert not again["is_compiled"]
    assert again == here | {"is_compiled": False}


def test_an_edited_row_compiled_for_another_processor(here: dict[str, Any], tmp_path: Path):
    """Leaky ReLU leaks more in the table of a copy, whose code is made without AVX-512."""
    package = tmp_path / "src/handstitch"
    shutil.copytree(
        Path(handstitch.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    table = package / "core/activations.py"
    text = table.read_text("utf-8")
    for old, new in (EDITED, EDITED_BACKWARD):
        assert text.count(old) == 1
        text = text.replace(old, new)
    table.write_text(text, "utf-8")
    places = {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(tmp_path / "code")}
    compiled, again = (train(tmp_path, **places, **HASWELL) for _ in range(2))
    assert Path(compiled["package"]).is_relative_to(package)
    assert (compiled["vectors"], compiled["is_compiled"]) == (6, True)
    assert again == compiled | {"is_compiled": False}

    changes = np.abs(np.divide(compiled["losses"], here["losses"]) - 1)
    assert changes[LEAKY].min() > 1e-2
    changes[LEAKY] = 0
    assert changes.max() < 1e-3


def test_two_processors_share_a_folder_of_code(tmp_path: Path):
    """Each finds what was made for it: code is for the processor that numba was told."""
    (tmp_path / "kept.py").write_text(SOURCE)
    code = "import kept; print(kept.twice(21), sum(kept.twice.stats.cache_hits.values()))"
    variables = {"NUMBA_CACHE_DIR": str(tmp_path)}
    found = [
        run(code, tmp_path, **variables, **processor).split()
        for processor in ({}, HASWELL, {}, HASWELL)
    ]
    assert found == 2 * [["42", "0"]] + 2 * [["42", "1"]]
