from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import pytest

import handstitch
from handstitch import machine
from handstitch.machine import libraries, threads


def pool_threads() -> list[int]:
    return [int(pool["num_threads"]) for pool in machine.blas_pools()]


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)
    assert machine.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.cores() == 1


def test_a_number_of_threads_stays_what_it_is() -> None:
    assert machine.resolve_threads(7) == 7


@pytest.mark.parametrize(("cores", "told", "wanted"), [(4, [8, 8], 4), (4, [8, 2], 2), (3, [], 3)])
def test_auto_is_a_thread_for_each_core_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, cores: int, told: list[int], wanted: int
) -> None:
    monkeypatch.setattr(threads, "cores", lambda: cores)
    monkeypatch.setattr(threads, "blas_pools", lambda: [{"num_threads": n} for n in told])
    assert machine.resolve_threads("auto") == wanted


def test_threads_are_limited_within_and_as_before_after() -> None:
    before = pool_threads()
    with machine.blas_threads(1):
        assert set(pool_threads()) == {1}
    assert pool_threads() == before
    with pytest.raises(KeyError), machine.blas_threads(1):
        raise KeyError
    assert pool_threads() == before


def test_the_build_says_what_decides_the_bits() -> None:
    build = machine.build_info()
    assert list(build) == ["handstitch", "numpy", "scipy", "machine", "blas"]
    assert build["handstitch"] == handstitch.__version__
    assert build["numpy"] == version("numpy")
    assert build["blas"]
    assert all(build.values())


def test_the_processor_is_read_from_where_linux_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_bytes(b"vendor_id : x\nmodel name\t: A Processor \xff @ 3 GHz\n\nmodel name\t: B\n")
    monkeypatch.setattr(libraries, "_CPUINFO", info)
    assert machine.processor().startswith("A Processor")
    info.unlink()
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "z80")
    assert machine.processor() == "z80"
