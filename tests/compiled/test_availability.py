"""Whether the numba backend can run here, asked in processes with other variables of numba."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MAKE = """
import json, sys
from pathlib import Path
import numpy as np
import handstitch as hs
from handstitch import cli
from handstitch.errors import ConfigError
images = np.random.default_rng(0).integers(0, 256, (150, 7, 9), np.uint8)
data = hs.Dataset.from_arrays(images * (images > 128), np.arange(150) % 4)
settings = dict(hidden_sizes=(130, 70), epochs=2, batch_size=32, threads=2, seed=1)
"""
REFUSED = f"""{MAKE}
trainer = hs.Trainer(hs.Config(**settings), data)
trainer.fit()
try:
    hs.train(hs.Config(**settings, backend="numba"), data=data, out="run")
except ConfigError as error:
    refused = error.found
print(json.dumps([trainer.backend, refused, Path("run").exists()]))
sys.exit(cli.run(["doctor", "--json"]))
"""


def run(code: str, folder: Path, **variables: str) -> Any:
    """What a process with these variables prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | variables,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("NUMBA_DISABLE_JIT", "1", "NUMBA_DISABLE_JIT is set"),
        ("NUMBA_NUM_THREADS", "0", "Number of threads specified must be > 0."),
        ("NUMBA_NUM_THREADS", "abc", "'NUMBA_NUM_THREADS' is defined but its"),
        ("NUMBA_THREADING_LAYER", "no-such", "'no-such' is unknown to Numba"),
        ("NUMBA_THREADING_LAYER", "tbb", "No threading layer could be loaded."),
    ],
)
def test_variables_that_break_numba(tmp_path: Path, variable: str, value: str, reason: str):
    """`auto` trains with numpy, `numba` is refused before there is a folder, doctor says why."""
    if value == "tbb" and any(Path(sys.prefix).rglob("libtbb*")):
        pytest.skip("TBB is installed")
    first, _, rest = run(REFUSED, tmp_path, **{variable: value}).partition("\n")
    trained, refused, has_folder = json.loads(first)
    assert reason in refused
    assert trained == f"numpy: {refused}"
    assert json.loads(rest)["backend"] == trained
    assert not has_folder
    ahead = subprocess.run(
        [sys.executable, "-m", "handstitch.compiled"],
        capture_output=True,
        text=True,
        env=os.environ | {variable: value},
        check=False,
    )
    assert ahead.returncode == 5
    assert ahead.stderr.endswith(f"the numba backend is not available: {refused}\n")
    assert "Traceback" not in ahead.stderr


def test_panels_are_of_the_processor_that_code_is_made_for(tmp_path: Path):
    code = "from handstitch.compiled.kernels import PANEL_VECTORS; print(PANEL_VECTORS[0])"
    found = [
        run(code, tmp_path, **{variable: value}).strip()
        for variable, value in (
            ("NUMBA_ENABLE_AVX", "0"),
            ("NUMBA_CPU_FEATURES", "+avx2"),
            ("NUMBA_CPU_FEATURES", "+avx2,+avx512f"),
        )
    ]
    assert found == ["6", "6", "8"]
