"""The kernels that a program runs, by its libraries' own words."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from processes import Failed, script
from programs import Program

VERBOSE = {"MKL_VERBOSE": "1", "ONEDNN_VERBOSE": "1", "OPENBLAS_VERBOSE": "2"}
TOLD = {
    "numba": r"^numba: (.+)",
    "OpenBLAS": r"^Core: (\w+)",
    "oneDNN": r"primitive,exec,cpu,\w+,([\w:]+)",
    "ATen": r"^ATen: (\w+)",
    "inductor": r"^inductor: (.+)",
}
"""Libraries, and how they name the kernels."""
MKL = r"^MKL_VERBOSE oneMKL .* for (.*?)(?: enabled processors)?, Lnx"
UNNAMED = "MKL, not named"
"""On processors that are not Intel's, MKL names no instructions and obeys no variable for them."""
FREE = "YNNPACK, which chooses by itself"
"""JAX's products: XLA's flag holds the code around them only."""


def of(program: Program, settings: Mapping[str, str]) -> str:
    """What it says during a few steps under these settings."""
    tells = ("--kernels",) if program.script in {"handstitch_loop", "torch_eager"} else ()
    flags = ("--images", 256, "--epochs", 1, *program.flags, *tells)
    with tempfile.TemporaryDirectory() as place:
        dump = f"{settings.get('XLA_FLAGS', '')} --xla_dump_to={place}".strip()
        verbose = {**VERBOSE, **settings, "XLA_FLAGS": dump}
        try:
            told = script(
                program.script, *flags, ours=program.ours, settings=verbose, is_told=True
            )["told"]
        except Failed:
            return "failed"
        code = [path.read_text(errors="replace") for path in Path(place).glob("*jit_compiled*.*")]
    return words(told, code)


def words(told: str, code: list[str]) -> str:
    """Each library and its kernels; `code` is what XLA wrote down of a step."""
    found = {
        library: list(dict.fromkeys(re.findall(pattern, told, re.MULTILINE)))[:2]
        for library, pattern in TOLD.items()
    }
    if code or found["ATen"]:  # OpenBLAS is NumPy's there, and computes nothing
        found["OpenBLAS"] = []
    said = [f"{library} {' '.join(each)}" for library, each in found.items() if each]
    if mkl := re.search(MKL, told, re.MULTILINE):
        named = re.findall(r"\(Intel\(R\) ([^)]*)\)", mkl[1])
        said.append(f"MKL {named[-1]}" if named else UNNAMED)
    if any("ynn_fusion" in text for text in code):
        said.append(FREE)
    elif code:
        widest = max(int(n) for text in code for n in ["4", *re.findall(r"<(\d+) x float>", text)])
        said.append(f"XLA, {32 * widest} bits")
    return "; ".join(said) or "says nothing"


def is_held(said: str) -> str:
    """Whether these are AVX2's: yes, no, or not shown."""
    if re.search(r"512|zmm|amx|skylakex|sapphire|cooperlake", said, re.IGNORECASE) or FREE in said:
        return "no"
    return "not shown" if UNNAMED in said or said in {"failed", "says nothing"} else "yes"
