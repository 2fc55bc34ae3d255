"""Machine code that is kept: until a source file of the package changes."""

from __future__ import annotations

import errno
import importlib
import importlib.util
import io
import logging
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core.caching import CacheImpl, NullCache

from handstitch.compiled import (
    functions,
    inference,
    inputs,
    jit,
    kernels,
    matmul,
    network,
    optimizers,
    philox,
)

SOURCE = """
from handstitch.compiled.jit import compiled

@compiled()
def twice(x):
    return 2 * x
"""


def load(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location("kept", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.twice(21) == 42
    return module.twice.stats


@pytest.fixture(autouse=True)
def nothing_said_yet() -> None:
    for said in (jit._report, jit._say_compiling):
        said.cache_clear()


def test_kept_until_a_source_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "kept.py"
    file.write_text(SOURCE)
    assert not load(file).cache_hits
    assert load(file).cache_hits
    monkeypatch.setattr(jit, "_SOURCES", "of other files")
    assert not load(file).cache_hits
    assert load(file).cache_hits


FROM_CACHE = """
import sys
from kept import twice

assert twice(21) == 42 and twice.stats.cache_hits
print("numba.cpython.unicode" in sys.modules, "scipy.linalg" in sys.modules)
from handstitch.compiled.jit import compiled

@compiled()
def thrice(x):
    return twice(x) + x

print(thrice(14))
"""


def test_kept_code_is_loaded_without_what_only_compiling_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """And what calls it can be compiled in the same process. Else it takes 0.2 s."""
    file = tmp_path / "kept.py"
    file.write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.import_module("kept").twice(21) == 42
    monkeypatch.delitem(sys.modules, "kept")
    (tmp_path / "caller.py").write_text(FROM_CACHE)
    printed = subprocess.check_output([sys.executable, tmp_path / "caller.py"], text=True)
    assert printed.split() == ["False", "False", "42"]
    # A later numba may need more than this one; it is asked for as numba itself would.
    monkeypatch.setattr(jit, "_REFRESH_ONLY_TO_COMPILE", (0, 0))
    assert importlib.import_module("kept").twice(21) == 42
    assert sys.modules.pop("kept").twice.stats.cache_hits


def test_an_index_of_other_sources_is_not_unpickled(tmp_path: Path):
    """It may name a class that was renamed since."""
    file = tmp_path / "kept.py"
    file.write_text(SOURCE)
    load(file)
    (index,) = tmp_path.rglob("*.nbi")
    head = io.BytesIO(index.read_bytes())
    assert pickle.load(head) == f"{numba.__version__} {jit._SOURCES}"
    index.write_bytes(pickle.dumps(numba.__version__) + b"cosys\nno_such_class\n.")
    assert not load(file).cache_hits
    assert load(file).cache_hits


def test_options_of_code_generation_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    assert jit._digest() != jit._SOURCES


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", ["empty", "garbage", "half", "changed"])
def test_damaged_code_is_compiled_anew(
    tmp_path: Path, suffix: str, damage: str, caplog: pytest.LogCaptureFixture
):
    file = tmp_path / "kept.py"
    file.write_text(SOURCE)
    load(file)
    (damaged,) = tmp_path.rglob(f"*.{suffix}")
    content = bytearray(damaged.read_bytes())
    if damage == "changed":
        at = content.index(b"ELF" if suffix == "nbc" else b"nbc")
        content[at + 1] ^= 1
    damaged.write_bytes(
        {"empty": b"", "garbage": b"garbage", "half": bytes(content[: len(content) // 2])}.get(
            damage, bytes(content)
        )
    )
    assert not load(file).cache_hits
    assert load(file).cache_hits
    said = [record.getMessage() for record in caplog.records]
    if (suffix, damage) != ("nbi", "changed"):  # it leads to no file
        assert len(said) == 1
        assert said[0].endswith("cannot be read: compiled anew")


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_code_that_can_be_neither_read_nor_written(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
):
    file = tmp_path / "kept.py"
    file.write_text(SOURCE)
    load(file)
    (name,) = tmp_path.rglob(f"*.{suffix}")
    name.unlink()
    name.mkdir()
    assert not load(file).cache_hits
    assert "cannot be written (Is a directory): compiled anew" in caplog.text


def test_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(jit._CacheFile, "_open_for_write", full)
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(SOURCE)
        assert not load(tmp_path / name).cache_hits
    (said,) = (record.getMessage() for record in caplog.records)
    assert said.endswith("cannot be written (No space left on device): compiled anew")


def test_no_folder_for_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    file = tmp_path / "kept.py"
    file.write_text(SOURCE)
    assert not load(file).cache_hits
    assert "the cache of compiled code in any folder cannot be written" in caplog.text


def test_compiling_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(SOURCE)
        load(tmp_path / name)
    assert caplog.text.count("compiling the numba backend") == 1
    jit._say_compiling.cache_clear()
    caplog.clear()
    load(tmp_path / "one.py")
    assert not caplog.records


def test_every_source_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = Path(jit.__file__).parent.parent
    for files in ("compiled/*.py", "core/*.py", "data/augmentation.py"):
        (tmp_path / files).parent.mkdir()
        for source in package.glob(files):
            (tmp_path / source.relative_to(package)).write_bytes(source.read_bytes())
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "compiled" / "jit.py"))
    assert jit._digest() == jit._SOURCES
    assert len(list(tmp_path.glob("*/*.py"))) > 15
    for source in tmp_path.glob("*/*.py"):
        before = jit._digest()
        source.write_text(source.read_text() + "\n")
        assert jit._digest() != before


@pytest.mark.parametrize(
    "module", [philox, inference, functions, inputs, network, optimizers, matmul, kernels]
)
def test_all_that_is_compiled_is_compiled_so(module: Any):
    """numba's own decorator would keep what another file has made obsolete."""
    dispatchers = [value for value in vars(module).values() if hasattr(value, "signatures")]
    caches = [value._cache for value in dispatchers if not isinstance(value._cache, NullCache)]
    assert caches
    assert all(cache._cache_file._source_stamp == jit._SOURCES for cache in caches)
