"""Machine code that is kept: until a source file of the package changes."""

from __future__ import annotations

import importlib.util
import io
import pickle
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core.caching import NullCache

from handstitch.compiled import (
    functions,
    inference,
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


def test_kept_until_a_source_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "kept.py"
    file.write_text(SOURCE)
    assert not load(file).cache_hits
    assert load(file).cache_hits
    monkeypatch.setattr(jit, "_SOURCES", "of other files")
    assert not load(file).cache_hits
    assert load(file).cache_hits


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


def test_every_source_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = Path(jit.__file__).parent.parent
    for room in ("compiled", "core"):
        (tmp_path / room).mkdir()
        for source in (package / room).glob("*.py"):
            (tmp_path / room / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "compiled" / "jit.py"))
    assert jit._digest() == jit._SOURCES
    assert len(list(tmp_path.glob("*/*.py"))) > 15
    for source in tmp_path.glob("*/*.py"):
        before = jit._digest()
        source.write_text(source.read_text() + "\n")
        assert jit._digest() != before


@pytest.mark.parametrize(
    "module", [philox, inference, functions, network, optimizers, matmul, kernels]
)
def test_all_that_is_compiled_is_compiled_so(module: Any):
    """numba's own decorator would keep what another file has made obsolete."""
    dispatchers = [value for value in vars(module).values() if hasattr(value, "signatures")]
    caches = [value._cache for value in dispatchers if not isinstance(value._cache, NullCache)]
    assert caches
    assert all(cache._cache_file._source_stamp == jit._SOURCES for cache in caches)
