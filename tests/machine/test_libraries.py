"""Which kernels are asked for, on processors that are not here, and what is left behind."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.machinery import PathFinder

import pytest

from handstitch.machine import libraries

AVX512 = "avx512f avx512dq avx512cd avx512bw avx512vl"
ZEN5 = f"vendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\nflags\t\t: fpu avx2 {AVX512} sha_ni"
ZEN3 = "vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2 sha_ni"
INTEL = f"vendor_id\t: GenuineIntel\nflags\t\t: fpu avx2 {AVX512}"
HALF = "vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2 avx512f avx512cd"


@pytest.fixture
def processor(monkeypatch, tmp_path):
    def pretend(text: str, architecture: str = "x86_64") -> None:
        file = tmp_path / "cpuinfo"
        file.write_text(f"processor\t: 0\n{text}\n\nprocessor\t: 1\n{text}\n")
        monkeypatch.setattr(libraries, "_CPUINFO", file)
        monkeypatch.setattr(platform, "machine", lambda: architecture)

    monkeypatch.delenv(libraries.CORETYPE_VARIABLE, raising=False)
    return pretend


def test_amd_with_wide_registers_gets_the_wide_kernels(processor):
    processor(ZEN5)
    assert libraries.preferred_kernel() == "SkylakeX"


@pytest.mark.parametrize("text", [ZEN3, INTEL, HALF, "", "no colon here"])
def test_everyone_else_keeps_the_library_s_own_choice(processor, text):
    processor(text)
    assert libraries.preferred_kernel() is None


def test_another_architecture_or_no_file_gets_no_override(processor, monkeypatch, tmp_path):
    processor(ZEN5, architecture="aarch64")
    assert libraries.preferred_kernel() is None
    processor(ZEN5)
    monkeypatch.setattr(libraries, "_CPUINFO", tmp_path / "nothing")
    assert libraries.preferred_kernel() is None


def test_the_user_s_own_choice_is_obeyed(processor, monkeypatch):
    processor(ZEN5)
    monkeypatch.setenv(libraries.CORETYPE_VARIABLE, "Haswell")
    assert libraries.preferred_kernel() is None
    with libraries.blas_environment():
        assert os.environ[libraries.CORETYPE_VARIABLE] == "Haswell"


def test_the_user_s_own_patience_is_obeyed(processor, monkeypatch):
    processor(INTEL)
    monkeypatch.delitem(sys.modules, "scipy.linalg._fblas", raising=False)
    monkeypatch.setenv(libraries.BLAS_TIMEOUT_VARIABLE, "26")
    with libraries.blas_environment():
        assert os.environ[libraries.BLAS_TIMEOUT_VARIABLE] == "26"
        assert libraries.CORETYPE_VARIABLE not in os.environ
    assert os.environ[libraries.BLAS_TIMEOUT_VARIABLE] == "26"


def test_the_variable_is_set_for_the_moment_of_loading_only(processor, monkeypatch):
    processor(ZEN5)
    monkeypatch.delitem(sys.modules, "scipy.linalg._fblas", raising=False)
    with libraries.blas_environment():
        assert os.environ[libraries.CORETYPE_VARIABLE] == "SkylakeX"
        assert os.environ[libraries.BLAS_TIMEOUT_VARIABLE] == "19"
    assert libraries.CORETYPE_VARIABLE not in os.environ
    assert libraries.BLAS_TIMEOUT_VARIABLE not in os.environ
    with pytest.raises(KeyError), libraries.blas_environment():
        raise KeyError
    assert libraries.CORETYPE_VARIABLE not in os.environ


def test_openmp_is_asked_for_short_spinning_for_the_moment_of_loading_only(monkeypatch):
    monkeypatch.delenv(libraries.OPENMP_SPIN_VARIABLE, raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with libraries.openmp_environment():
        assert os.environ[libraries.OPENMP_SPIN_VARIABLE] == libraries.OPENMP_SPINS
    assert libraries.OPENMP_SPIN_VARIABLE not in os.environ
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")  # whoever says how to wait is obeyed
    with libraries.openmp_environment():
        assert libraries.OPENMP_SPIN_VARIABLE not in os.environ


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP says what it took")
@pytest.mark.parametrize("first", ["handstitch.compiled.jit", "handstitch.compiled.availability"])
def test_openmp_takes_what_is_asked_for(first):
    code = f"import {first} as first; getattr(first, 'unavailable_reason', lambda: None)()"
    variables = os.environ | {"OMP_DISPLAY_ENV": "VERBOSE"}
    variables.pop(libraries.OPENMP_SPIN_VARIABLE, None)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=variables, check=True
    )
    assert f"GOMP_SPINCOUNT = '{libraries.OPENMP_SPINS}'" in done.stderr


def test_after_loading_nothing_is_set_and_the_shortfall_is_said(processor):
    processor(ZEN5)
    import scipy.linalg

    assert scipy.linalg
    with libraries.blas_environment():
        assert libraries.CORETYPE_VARIABLE not in os.environ
    assert "loaded before" in str(libraries.kernel_warning("Haswell"))
    assert libraries.kernel_warning("SkylakeX") is None
    processor(INTEL)
    assert libraries.kernel_warning("Haswell") is None


def test_where_the_blas_is_not_found_alone_it_comes_with_scipy_linalg(monkeypatch):
    from scipy.linalg import blas

    assert libraries.load_blas().sgemm is blas.sgemm
    monkeypatch.delitem(sys.modules, "scipy.linalg._fblas")
    monkeypatch.setattr(PathFinder, "find_spec", lambda *_: None)
    assert libraries.load_blas() is blas


KERNEL_IN_USE = """
import sys
from pathlib import Path
from handstitch.machine import libraries
libraries._CPUINFO = Path(sys.argv[1])
libraries.AVX512_KERNEL = "Haswell"  # any other than the own choice of a processor with AVX-512
if sys.argv[2] == "late":
    import scipy.linalg
from handstitch import machine
scipy_s = [pool for pool in machine.blas_pools() if "scipy.libs" in pool["filepath"]]
print(scipy_s[0]["architecture"] if scipy_s else "none")
import os
print(libraries.CORETYPE_VARIABLE in os.environ)
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="kernels of x86-64 are asked for")
@pytest.mark.parametrize("when", ["early", "late"])
def test_the_library_takes_what_is_asked_for(processor, tmp_path, when):
    """In a process of its own: a BLAS is loaded once. It is asked for AVX2 kernels here, which
    every x86-64 processor of the last ten years can run."""
    processor(ZEN5)

    def run(variables: dict[str, str]) -> list[str]:
        ours = {**os.environ}
        ours.pop(libraries.CORETYPE_VARIABLE, None)
        command = [sys.executable, "-c", KERNEL_IN_USE, str(tmp_path / "cpuinfo"), when]
        output = subprocess.check_output(command, text=True, env=ours | variables)
        return output.split()

    own, _ = run({"OPENBLAS_CORETYPE": ""})
    used, left_behind = run({})
    if own == "none":
        pytest.skip("this SciPy has no OpenBLAS of its own")
    assert left_behind == "False"
    assert used == ("Haswell" if when == "early" else own)
