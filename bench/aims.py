"""What is aimed at: every floor as data, and its measurement."""

from __future__ import annotations

from typing import Any, NamedTuple

from programs import BFLOAT16, COURSE, FLOAT32, HALF, HANDSTITCH, LIGHT

Found = dict[str, Any]


class Floor(NamedTuple):
    """A bound of a ratio: of the others' least figure by ours or, `at_least` false, ours by theirs.

    Figures are named by their place in the measurements. Without others, a bound of our figure.
    """

    job: str
    against: str
    ours: str
    others: tuple[str, ...]
    wanted: float
    at_least: bool = True
    mark: str = " ×"
    unit: str = ""
    """The unit that a processor must have."""


class Aim(NamedTuple):
    """A floor, and what was measured."""

    floor: Floor
    measured: float | None

    @property
    def sign(self) -> str:
        """≥ or ≤."""
        return "≥" if self.floor.at_least else "≤"

    @property
    def verdict(self) -> str:
        """met, not met or not measured."""
        if self.measured is None:
            return "not measured"
        wanted = self.floor.wanted
        met = self.measured >= wanted if self.floor.at_least else self.measured <= wanted
        return "met" if met else "not met"


FASTEST = "the fastest float32 peer"
TORCH = ("PyTorch", "torch.compile")
FORWARDS = ("onnxruntime", "PyTorch")
BATCHES = ("64", "128", "256", "1024")
DENSE = (1.5, 1.3, 1.2, 1.0)


def _of(place: str, names: Any) -> tuple[str, ...]:
    return tuple(place.format(name) for name in names)


def _batches(
    job: str,
    table: str,
    who: str,
    against: str,
    others: Any,
    *,
    wanted: dict[str, float],
    **rest: Any,
) -> list[Floor]:
    return [
        Floor(
            f"{job}, batch {batch}", against, f"{table}/{batch}/{who}/seconds",
            _of(f"{table}/{batch}/{{}}/seconds", others), each, **rest,
        )
        for batch, each in wanted.items()
    ]  # fmt: skip


FLOORS = (
    *_batches(
        "epoch", "epoch", HANDSTITCH, FASTEST, FLOAT32,
        wanted=dict(zip(BATCHES, DENSE, strict=True))
    ),
    *_batches(
        "epoch, light images", "epoch", LIGHT, FASTEST, FLOAT32,
        wanted={"64": 1.2, "128": 1.1, "256": 1.0, "1024": 0.95},
    ),
    *_batches(
        "epoch, AVX2 only", "avx2", HANDSTITCH, FASTEST, FLOAT32,
        wanted=dict(zip(BATCHES, DENSE, strict=True)),
    ),
    *_batches(
        "epoch in bfloat16", "epoch", HALF, "the fastest peer in any precision",
        (*FLOAT32, *BFLOAT16), wanted={"64": 2.5, "256": 1.3, "1024": 1.0}, unit="AMX",
    ),
    *_batches(
        "epoch in bfloat16", "epoch", HALF, "Handstitch in float32",
        (HANDSTITCH,), wanted={"64": 1.3, "256": 1.3, "1024": 1.3}, unit="AVX512-BF16",
    ),
    Floor(
        "preset `default`, whole process", "the faster of JAX and PyTorch",
        "reach/default/Handstitch/seconds",
        _of("reach/default/{}/seconds", ("JAX", "PyTorch")), 1.5,
    ),
    Floor(
        "width 2048-1024, batch 128", FASTEST, "wide/2048-1024/Handstitch/seconds",
        _of("wide/2048-1024/{}/seconds", FLOAT32), 1.1,
    ),
    Floor(
        "whole command", "JAX", "command/Handstitch/seconds", ("command/JAX/seconds",), 1.5,
    ),
    Floor(
        "whole command", "PyTorch", "command/Handstitch/seconds", ("command/PyTorch/seconds",), 2.2,
    ),
    Floor("beside two busy processes", "alone", "load/Handstitch/busy",
          ("load/Handstitch/quiet",), 2.5, at_least=False),
    # Of before, and still aimed at.
    *_batches(
        "epoch", "epoch", HANDSTITCH, "PyTorch, the better of eager and compile", TORCH,
        wanted=dict.fromkeys(("64", "128", "256"), 2.3),
    ),
    *_batches("epoch", "epoch", HANDSTITCH, "scikit-learn", ("scikit-learn",), wanted={"64": 3.8}),
    *_batches("epoch", "epoch", HANDSTITCH, COURSE, (COURSE,), wanted={"64": 12.0}),
    *_batches(
        "numpy backend", "epoch", "numpy backend", "BLAS products alone",
        ("BLAS products alone",), wanted={"128": 1.2}, at_least=False,
    ),
    Floor(
        "peak memory of training", "PyTorch", "command/Handstitch/peak_mib",
        ("command/PyTorch/peak_mib",), 0.5, at_least=False,
    ),
    Floor("`handstitch test`", "–", "command/Handstitch/test_seconds", (), 1.0, False, " s"),
    Floor(
        "forward, 10,000 images", "the faster of onnxruntime and PyTorch",
        "forward/Handstitch/10000", _of("forward/{}/10000", FORWARDS), 0.95,
    ),
    Floor(
        "forward, one image", "the faster of onnxruntime and PyTorch",
        "forward/Handstitch/1", _of("forward/{}/1", FORWARDS), 0.95,
    ),
    Floor(
        "receptive fields, first layer", "dense", "windows/windows, first layer",
        ("windows/dense, first layer",), 0.25, at_least=False,
    ),
    Floor(
        "receptive fields, step", "dense", "windows/windows, step", ("windows/dense, step",),
        0.65, at_least=False,
    ),
)  # fmt: skip
ACCURACY = 0.3
"""Points by which the test accuracies of `default` may differ where its seconds are compared."""


def aims(found: Found) -> list[Aim]:
    """Every floor that this processor has the unit for, with its measurement."""
    units = found["processor"]["units"]
    asked = [floor for floor in FLOORS if not floor.unit or floor.unit in units]
    return [Aim(floor, _measured(found, floor)) for floor in asked]


def _measured(found: Found, floor: Floor) -> float | None:
    ours = _figure(found, floor.ours)
    others = [each for place in floor.others if (each := _figure(found, place)) is not None]
    if ours is None or (floor.others and not others):
        return None
    if not floor.others:
        return ours
    return min(others) / ours if floor.at_least else ours / min(others)


def _figure(found: Found, place: str) -> float | None:
    at: Any = found
    for name in place.split("/"):
        at = at.get(name) if isinstance(at, dict) else None
    return at


def accuracy_apart(found: Found) -> float | None:
    """Points between our test accuracy of `default` and the peer's that is furthest from it."""
    each = found.get("reach", {}).get("default", {})
    percents = [one["percent"] for one in each.values()]
    ours = each.get(HANDSTITCH)
    return max(abs(ours["percent"] - other) for other in percents) if ours else None
