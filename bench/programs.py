"""The programs of each job, in the order in which they take turns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Program(NamedTuple):
    """A script of peers/."""

    ours: bool
    """In our environment, or in the peers'."""
    script: str
    flags: tuple[str, ...] = ()


HANDSTITCH = "Handstitch"
LIGHT = "Handstitch, light images"
FLOAT32 = {
    "JAX": Program(False, "jax_scan"),
    "PyTorch": Program(False, "torch_eager"),
    "torch.compile": Program(False, "torch_eager", ("--compile",)),
    "scikit-learn": Program(False, "sklearn_mlp"),
}
"""The peers of every comparison."""
HALF = "Handstitch, bfloat16"
BFLOAT16 = {
    "PyTorch, autocast to bfloat16": Program(False, "torch_eager", ("--bfloat16",)),
    "the same, compiled": Program(False, "torch_eager", ("--bfloat16", "--compile")),
    "PyTorch, weights bfloat16, too": Program(False, "torch_eager", ("--bfloat16", "--weights")),
}
COURSE = "the course report's way"
EPOCH = {
    HANDSTITCH: Program(True, "handstitch_loop"),
    LIGHT: Program(True, "handstitch_loop", ("--pixels", "light")),
    "Handstitch, standardised pixels": Program(True, "handstitch_loop", ("--pixels", "standard")),
    "numpy backend": Program(True, "handstitch_loop", ("--numpy",)),
    "BLAS products alone": Program(True, "bare_products"),
    **FLOAT32,
    COURSE: Program(True, "course_way"),
}
BFLOAT16_BATCHES = (64, 256, 1024)
BFLOAT16_UNITS = {"AVX512-BF16", "AMX"}
"""Units with which Handstitch, too, multiplies bfloat16 numbers."""
AVX2 = {who: EPOCH[who] for who in (HANDSTITCH, LIGHT, *FLOAT32)}
PIXELS = WIDE = {who: EPOCH[who] for who in (HANDSTITCH, *FLOAT32)}
LOAD = (HANDSTITCH, "numpy backend", "PyTorch")
GROWTH = (HANDSTITCH, "PyTorch")
FORWARD = {
    HANDSTITCH: Program(True, "handstitch_forward"),
    "PyTorch": Program(False, "torch_forward"),
    "onnxruntime": Program(False, "onnx_forward"),
}
WHOLE = {
    HANDSTITCH: Program(True, "handstitch_whole"),
    "JAX": Program(False, "jax_whole"),
    "PyTorch": Program(False, "torch_whole"),
}
WINDOWS = "handstitch_windows"
STARTS = {
    "`handstitch --help`": ("ours", "-m", "handstitch", "--help"),
    "`import handstitch`": ("ours", "-c", "import handstitch"),
    "`import torch`": ("peers", "-c", "import torch"),
    "`import jax`": ("peers", "-c", "import jax"),
    "`import sklearn.neural_network`": ("peers", "-c", "import sklearn.neural_network"),
    "`python -c pass`": ("ours", "-c", "pass"),
}


def of_an_epoch(batch: int, units: Iterable[str]) -> dict[str, Program]:
    """The programs of an epoch at this batch size on a processor with these units."""
    if batch not in BFLOAT16_BATCHES:
        return EPOCH
    half = Program(True, "handstitch_loop", ("--bfloat16",))
    return {**EPOCH, **({HALF: half} if BFLOAT16_UNITS & set(units) else {}), **BFLOAT16}
