"""The kind of processor, by which results are kept; and everybody held to AVX2."""

from __future__ import annotations

import re
from typing import Any

from handstitch import machine
from handstitch.machine import libraries

UNITS = {
    "AVX2": "avx2",
    "AVX-512": "avx512f",
    "AVX512-BF16": "avx512_bf16",
    "AMX": "amx_bf16",
}
"""Units that compute products, narrow to wide, and their flags in /proc/cpuinfo."""
HELD = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx2,+fma,-avx512f",
    "OPENBLAS_CORETYPE": "Haswell",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
"""Variables of the environment in which no library shall use more than AVX2."""


def describe() -> dict[str, Any]:
    """`name` and `units` of the processor here.

    A virtual machine may hide the name: "AMD EPYC" is of any generation. Family and model tell.
    """
    info = libraries.cpuinfo()
    name = re.sub(r"\((?:R|TM)\)| CPU| @.*| \d+-Core Processor", "", machine.processor()).strip()
    if {"cpu family", "model"} <= info.keys():
        name += f", family {info['cpu family']}, model {info['model']}"
    flags = info.get("flags", "").split()
    return {"name": name, "units": [unit for unit, flag in UNITS.items() if flag in flags]}


def file_name(name: str) -> str:
    """`AMD EPYC, family 26, model 2` → `amd-epyc-26-2`."""
    words = re.sub(r", (?:family|model) ", " ", name).lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")
