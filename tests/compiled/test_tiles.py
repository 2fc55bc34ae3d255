"""Products in tiles (AMX): machine code, whose instructions are emulated where there are none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite import binding

from handstitch.compiled import tiles
from handstitch.compiled.availability import bfloat16_unit

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if tiles.are_allowed():
        pytest.skip("tiles are here: test_matmul.py multiplies in them")
    if bfloat16_unit() is None:
        pytest.skip("the code around the tiles needs AVX512-BF16")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler for the emulator")
    library = tmp_path_factory.mktemp("emulator") / "amx.so"
    flags = ["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-lm"]
    subprocess.run([compiler, HERE / "amx.c", *flags, "-o", library], check=True)
    return library


def run(emulator: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A process in which there are tiles."""
    features = binding.get_host_cpu_features()
    features["amx-tile"] = features["amx-bf16"] = True
    told = {
        "AMX_LIBRARY": str(emulator),
        "NUMBA_CPU_NAME": binding.get_host_cpu_name(),
        "NUMBA_CPU_FEATURES": features.flatten(),
        "NUMBA_NUM_THREADS": "2",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True, text=True, env=os.environ | told, cwd=HERE.parents[1], check=False,
    )  # fmt: skip


def test_products_in_emulated_tiles(emulator: Path):
    """All of test_matmul.py's in the format of tiles."""
    done = run(
        emulator, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "-p", "no:faulthandler",
        "-p", "tests.compiled.emulated_tiles", "-k", "AMX", "tests/compiled/test_matmul.py",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(re.findall(r"^(\w+): (\d+)$", done.stdout, re.MULTILINE))
    assert counts["ldtilecfg"] == counts["tilerelease"] != "0"
    assert int(counts["tdpbf16ps"]) > 10_000
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 150


def test_the_multiplications_of_the_peak(emulator: Path):
    """A round is four tiles of 16 × 16 sums, each of 32 products."""
    program = (
        "from tests.compiled import emulated_tiles; "
        "from handstitch.compiled import tiles; "
        "print(tiles.multiply_registers(10), emulated_tiles._LIBRARY.amx_count(2))"
    )
    done = run(emulator, "-c", program)
    assert (done.returncode, done.stdout) == (0, f"{10 * 4 * 16 * 16 * 32} 40\n"), done.stderr


def test_without_permission_there_are_no_tiles(emulator: Path):
    """Linux without AMX refuses them, though numba knows of them."""
    program = (
        "from handstitch.compiled import jit, tiles; "
        "print(tiles.are_allowed(), '+amx-tile' in jit.FEATURES)"
    )
    done = run(emulator, "-c", program)
    assert (done.returncode, done.stdout) == (0, "False True\n"), done.stderr


@pytest.mark.skipif(bfloat16_unit() is None, reason="no unit for bfloat16")
@pytest.mark.parametrize(("allowed", "unit"), [(True, "AMX"), (False, "AVX512-BF16")])
def test_the_unit_is_the_widest(allowed: bool, unit: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tiles, "are_allowed", lambda: allowed)
    assert bfloat16_unit() == unit
