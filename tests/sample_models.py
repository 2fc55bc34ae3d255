"""Small models for tests of files: quick to write, with every field filled."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handstitch.core.parameters import Parameters
from handstitch.model import Model

GARMENT_SIZES = (784, 16, 8, 10)


def sample(sizes: tuple[int, ...] = (4, 3, 2), seed: int = 0, **changes: Any) -> Model:
    """A model of these sizes with weights drawn from `seed`."""
    rng = np.random.default_rng(seed)
    parameters = Parameters.random(sizes, rng)
    for b in parameters.biases:
        b[:] = rng.standard_normal(b.shape)
    facts: dict[str, Any] = {
        "parameters": parameters,
        "activations": ("relu",) * (len(sizes) - 2),
        "offset": 0.0,
        "scale": 1 / 256,
        "class_names": tuple(f"class {n}" for n in range(sizes[-1])),
        "image_shape": (2, sizes[0] // 2),
        "dataset": "sketch",
        "config": {"seed": seed, "hidden_sizes": list(sizes[1:-1]), "threads": 1},
        "history": ({"epoch": 1, "train_loss": 0.1, "is_best": True},),
        "versions": {"numpy": "2.0.0"},
        "origin": "handstitch",
    }
    return Model(**(facts | changes))


def assert_same(one: Model, other: Model) -> None:
    """Fail unless the two agree in every field, the weights bit for bit."""
    assert one.parameters.vector.dtype == np.float32
    assert one.parameters.vector.tobytes() == other.parameters.vector.tobytes()
    for field in Model.__struct_fields__:
        if field not in {"parameters", "receptive_fields", "outliers"}:
            assert getattr(one, field) == getattr(other, field), field
    for mine, others in zip(one.outliers or (), other.outliers or (), strict=True):
        assert mine.tobytes() == others.tobytes()
    assert one.parameters.sizes == other.parameters.sizes
    fields = [model.receptive_fields for model in (one, other)]
    rectangles = [each and each.rectangles.tolist() for each in fields]
    assert rectangles[0] == rectangles[1]


def report_arrays(
    sizes: tuple[int, ...] = GARMENT_SIZES, dtype: str = "<f8", seed: int = 0
) -> dict[str, NDArray[Any]]:
    """Arrays in the course report's layout."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        arrays[f"weights_{2 * layer}"] = rng.standard_normal((inputs, outputs)).astype(dtype)
        arrays[f"bias_{2 * layer}"] = rng.standard_normal((1, outputs)).astype(dtype)
    return arrays
