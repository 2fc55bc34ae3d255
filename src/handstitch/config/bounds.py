"""Types of settings with bounds on their values."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Probability = Annotated[float, Meta(ge=0, lt=1)]
# Training is in float32; these bounds were measured (tests/compiled/test_optimizers.py).
Rate = Annotated[float, Meta(ge=1e-20, le=1e30, description="steps that float32 holds")]
Decay = Annotated[float, Meta(ge=0, le=0.9999999, description="nearer 1, float32 never forgets")]
Epsilon = Annotated[float, Meta(ge=1e-16, le=1e4, description="below, squares vanish in float32")]
Penalty = Annotated[float, Meta(ge=0, le=1e15, description="beyond, float32 squares are infinite")]
NotNegative = Annotated[float, Meta(ge=0)]
Part = Annotated[float, Meta(ge=0, lt=1)]
Period = Annotated[float, Meta(ge=1e-6, description="less than any step")]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
NameOrPath = Annotated[
    str, Meta(min_length=1, max_length=4096, description="the name of a data set, or a path")
]
Sides = Annotated[tuple[Annotated[int, Meta(ge=1, le=4096)], ...], Meta(max_length=2)]
Key = Annotated[str, Meta(max_length=200, description="text")]
ClassWeights = tuple[
    Annotated[str, Meta(max_length=250, description="balanced, or CLASS=WEIGHT")], ...
]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Mixup = Annotated[float, Meta(ge=0, le=1000)]
Shift = Annotated[int, Meta(ge=0, le=100)]
Patience = Annotated[int, Meta(ge=0, le=1_000_000)]
