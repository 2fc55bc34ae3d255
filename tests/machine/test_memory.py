from __future__ import annotations

from pathlib import Path

import pytest

from handstitch.errors import MachineError
from handstitch.machine import memory

SIZES = (784, 512, 256, 10)
PARAMETERS = 535_818
GIB = 2**30


# ── What there is ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system with 8 GiB available and no control groups."""
    (tmp_path / "meminfo").write_text("MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "_CONTROLLERS", tmp_path / "groups")
    return tmp_path


def group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def test_without_groups_it_is_what_the_machine_has(system: Path) -> None:
    assert memory.available() == 8 * GIB


def test_the_limit_of_a_container_counts(system: Path) -> None:
    (system / "cgroup").write_text("0::/\n")
    group(
        system / "groups",
        memory__max=2 * GIB,
        memory__current=GIB,
        memory__stat=f"anon 5\ninactive_file {GIB // 2}",
    )
    assert memory.available() == GIB + GIB // 2


def test_the_tightest_group_above_counts(system: Path) -> None:
    (system / "cgroup").write_text("0::/a/b\n")
    group(system / "groups" / "a", memory__max=GIB, memory__current=0)
    group(system / "groups" / "a" / "b", memory__max="max", memory__current=0)
    assert memory.available() == GIB


def test_groups_of_the_first_version_count(system: Path) -> None:
    (system / "cgroup").write_text("9:cpu,cpuacct:/x\n4:memory:/job\n0::/\n")
    group(
        system / "groups" / "memory" / "job",
        memory__limit_in_bytes=3 * GIB,
        memory__usage_in_bytes=GIB,
        memory__stat="total_inactive_file 1",
    )
    group(
        system / "groups" / "memory",
        memory__limit_in_bytes=2**63 - 4096,
        memory__usage_in_bytes=GIB,
    )
    assert memory.available() == 2 * GIB + 1


def test_a_group_that_is_full_leaves_nothing(system: Path) -> None:
    (system / "cgroup").write_text("0::/\n")
    group(system / "groups", memory__max=GIB, memory__current=2 * GIB)
    assert memory.available() == 0


def test_without_meminfo_the_system_is_asked(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (system / "meminfo").unlink()
    pages = {"SC_AVPHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr("os.sysconf", pages.__getitem__)
    assert memory.available() == 4_096_000


def test_where_nothing_is_known_nothing_is_refused(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(name: str) -> int:
        raise ValueError(name)

    (system / "meminfo").unlink()
    monkeypatch.setattr("os.sysconf", unknown)
    assert memory.available() is None
    memory.require(2**60, "anything")


def test_this_machine_says_how_much_there_is() -> None:
    there = memory.available()
    assert there is None or 0 < there < 2**50


def test_too_much_is_refused_with_both_figures(system: Path) -> None:
    memory.require(8 * GIB, "a network that just fits")
    with pytest.raises(MachineError) as caught:
        memory.require(8 * GIB + 1, "a network of 784-9-10 units")
    assert caught.value.exit_code == 5
    assert str(caught.value).splitlines()[:3] == [
        "not enough memory for a network of 784-9-10 units",
        "  found   8.0 GiB available",
        "  wanted  8.0 GiB",
    ]
    assert "hidden_sizes" in str(caught.value.fix)


def test_the_limit_on_addresses_counts(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    limit = [GIB]
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit[0], limit[0]))
    (system / "statm").write_text("1000 500 0 0 0 0 0\n")
    monkeypatch.setattr(memory, "_STATM", system / "statm")
    assert memory.available() == GIB - 1000 * resource.getpagesize()
    limit[0] = 1
    assert memory.available() == 0
    limit[0] = resource.RLIM_INFINITY
    assert memory.available() == 8 * GIB
    (system / "statm").unlink()
    limit[0] = GIB
    assert memory.available() == 8 * GIB  # where addresses are not counted
