"""Choice of the backend, and the reason given where numba is unavailable."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handstitch import runs
from handstitch.compiled import availability
from handstitch.config import Config
from handstitch.config.toml import read_file
from handstitch.data.dataset import Dataset
from handstitch.errors import ConfigError
from handstitch.model import load_newest_state
from handstitch.runs import snapshot
from handstitch.training import backend

CONFIG = Config.preset("plain", dataset="sketch", hidden_sizes=(8, 4), epochs=2, threads=1)


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """Whether numba can run is asked once in a process."""
    availability._reason.cache_clear()
    yield
    availability._reason.cache_clear()


@pytest.fixture
def without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        availability,
        "find_spec",
        lambda name: None if name == "numba" else importlib.util.find_spec(name),
    )


def test_auto_is_numba_where_it_is_installed():
    assert backend.resolve(CONFIG) == "numba"
    assert backend.describe(CONFIG).startswith("numba ")
    assert backend.build_info(CONFIG)["backend"].startswith("numba ")


def test_what_is_chosen_is_taken():
    assert backend.resolve(replace(CONFIG, backend="numpy")) == "numpy"
    assert backend.describe(replace(CONFIG, backend="numpy")) == "numpy, as chosen"
    assert backend.build_info(replace(CONFIG, backend="numpy"))["backend"] == "numpy"


def test_without_numba_auto_is_numpy_and_says_why(without_numba: None):
    assert backend.resolve(CONFIG) == "numpy"
    assert backend.describe(CONFIG) == (
        "numpy: numba is not installed (pip install 'handstitch[fast]')"
    )
    with pytest.raises(ConfigError) as caught:
        backend.resolve(replace(CONFIG, backend="numba"))
    assert "numba is not installed" in str(caught.value.found)
    assert "backend='numpy'" in str(caught.value.fix)


def test_without_an_openmp_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "numba.np.ufunc.omppool", None)
    assert backend.resolve(CONFIG) == "numpy"
    assert "OpenMP" in backend.describe(CONFIG)


def test_a_numba_that_cannot_be_used_is_no_end_of_training(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "handstitch.compiled.first_batch", None)
    assert backend.resolve(CONFIG) == "numpy"
    assert "cannot be used" in backend.describe(CONFIG)


def test_the_step_is_chosen_once_and_stored(tmp_path: Path):
    with runs.create(CONFIG, out=tmp_path / "run") as run:
        list(run.train())
    assert read_file(tmp_path / "run" / "config.toml")["backend"] == "numba"
    assert run.trainer.build["backend"].startswith("numba ")


def test_a_numba_run_resumes_without_numba_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    with runs.create(CONFIG, out=tmp_path / "run") as run:
        next(run.train())
    monkeypatch.setattr(availability, "find_spec", lambda name: None)
    availability._reason.cache_clear()
    with runs.reopen(tmp_path / "run") as run:
        assert [record.epoch for record in run.train()] == [2]
    assert any("resumes with numpy" in line for line in caplog.messages)
    assert any(line.startswith("backend was numba") for line in caplog.messages)


def test_a_network_without_a_hidden_layer_takes_numpy():
    assert "hidden layer" in str(backend.unsupported_reason(replace(CONFIG, hidden_sizes=())))


@pytest.mark.parametrize("module", ["handstitch", "handstitch.cli", "handstitch.cli.test"])
def test_numba_is_imported_by_training_alone(module: str):
    script = f"import sys, {module}; print('numba' in sys.modules)"
    found = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert found.strip() == "False"


# ── Products in bfloat16 ───────────────────────────────────────────────────────────────────────


HALF = replace(CONFIG, precision="bfloat16")
FEW = Dataset.from_arrays(np.zeros((40, 28, 28), np.uint8), np.arange(40) % 2)


def set_unit(patch: pytest.MonkeyPatch, unit: str | None) -> None:
    """The unit of bfloat16 products that this processor has, as far as the choice knows."""
    patch.setattr(backend, "bfloat16_unit", lambda: unit)


def test_products_in_bfloat16_are_named_with_their_unit(monkeypatch: pytest.MonkeyPatch):
    set_unit(monkeypatch, "AMX")
    assert backend.resolve(HALF) == "numba"
    assert backend.describe(HALF).endswith(", products in bfloat16 (AMX)")
    assert backend.build_info(HALF)["bfloat16"] == "AMX"
    assert "bfloat16" not in backend.build_info(CONFIG)
    assert "bfloat16" not in backend.describe(CONFIG)


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"backend": "numpy"}, r"^the numpy backend$"),
        ({"hidden_sizes": ()}, r"without a hidden layer"),
        ({}, r"^a processor( with AVX2( and AVX-512)?,)? without AVX512-BF16 or AMX$"),
        ({"backend": "numba"}, r"without AVX512-BF16 or AMX$"),
    ],
    ids=str,
)
def test_products_in_bfloat16_are_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], found: str
):
    set_unit(monkeypatch, None)
    for ask in (backend.resolve, backend.describe, backend.resolve_auto):
        with pytest.raises(ConfigError) as caught:
            ask(replace(HALF, **settings))
        assert re.search(found, str(caught.value.found))
        assert "AVX512-BF16 or AMX" in str(caught.value.wanted)
        assert "precision='float32'" in str(caught.value.fix)


@pytest.mark.parametrize("name", ["auto", "numba"])
def test_products_in_bfloat16_are_never_those_of_numpy(without_numba: None, name: Any):
    with pytest.raises(ConfigError) as caught:
        backend.resolve(replace(HALF, backend=name))
    assert "numba is not installed" in str(caught.value.found)
    assert "numpy" not in str(caught.value.fix)


def test_the_numba_backend_is_told_the_unit(monkeypatch: pytest.MonkeyPatch):
    set_unit(monkeypatch, "AMX")
    monkeypatch.setattr("handstitch.compiled.step.NumbaBackend", lambda *given: given)
    unread: Any = None
    chosen: Any = [backend.choose_backend(each, unread, unread, unread) for each in (CONFIG, HALF)]
    assert [given[-1] for given in chosen] == [None, "AMX"]


def test_a_run_in_bfloat16_is_refused_before_data_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    set_unit(monkeypatch, None)
    with pytest.raises(ConfigError, match="bfloat16"):
        runs.create(replace(HALF, dataset="no such data"), out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_run_in_bfloat16_resumes_with_the_unit_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    set_unit(monkeypatch, "AMX")
    folder = runs.create(HALF, FEW, tmp_path / "run").folder
    assert runs.reopen(folder, data=FEW).config.precision == "bfloat16"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    set_unit(monkeypatch, None)
    with pytest.raises(ConfigError) as caught:
        runs.reopen(folder)
    error = caught.value
    assert (error.file, error.found) == (folder, backend.bfloat16_lack(HALF))
    assert "with which this run was started" in error.problem
    assert f"handstitch.train(start_from='{folder}')" in str(error.fix)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_in_bfloat16_says_where_its_unit_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    set_unit(monkeypatch, "AMX")
    run = runs.create(HALF, FEW, tmp_path / "run")
    snapshot.save(tmp_path / "state", run.trainer)
    saved, _ = load_newest_state(tmp_path / "state")
    assert snapshot.differences(saved, runs.reopen(run.folder, data=FEW).trainer) == []
    set_unit(monkeypatch, "AVX512-BF16")
    (line,) = snapshot.differences(saved, runs.reopen(run.folder, data=FEW).trainer)
    assert line.startswith("bfloat16 was AMX when the run was saved and is AVX512-BF16 now")


def test_both_steps_learn_the_same(tmp_path: Path):
    """Not the same bits, the same network: after two epochs the losses agree to four figures."""
    losses: dict[str, Any] = {}
    for name in ("numpy", "numba"):
        config = replace(CONFIG, backend=name, hidden_sizes=(64, 32))
        with runs.create(config, out=tmp_path / name) as run:
            losses[name] = [record.val_loss for record in run.train()]
    np.testing.assert_allclose(losses["numba"], losses["numpy"], rtol=1e-3)
