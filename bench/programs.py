"""The programs of each job, in the order in which they take turns."""

from __future__ import annotations

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
