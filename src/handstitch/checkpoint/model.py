"""What a trained model is, and the description of it that goes into a file."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, prod
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from handstitch.config import Activation
from handstitch.core.parameters import Parameters
from handstitch.errors import ModelFileError, printable

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Size = Annotated[int, Meta(ge=1, lt=2**40)]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained network with all that is needed to use it."""

    parameters: Parameters
    """θ, float32."""
    activations: tuple[str, ...]
    """One for each hidden layer."""
    offset: float
    scale: float
    """Preprocessing: x ← (x − offset) · scale, of pixels from 0 to 255."""
    class_names: tuple[str, ...]
    image_shape: tuple[int, int]
    """Rows and columns."""
    dataset: str
    """Name of the data set it was trained on."""
    config: dict[str, Any]
    """`Config.to_dict()` with the threads as a number; empty for an imported file."""
    history: tuple[dict[str, Any], ...]
    """One for each epoch, without any seconds."""
    versions: dict[str, str]
    """Packages and other facts of the build that decide the bits."""
    origin: Literal["handstitch", "report npz"] = "handstitch"
    initial_digest: str = ""
    """SHA-256 of the initial weights (`training.initial_digest`); empty where nobody noted it."""


class _Architecture(msgspec.Struct, forbid_unknown_fields=True):
    sizes: Annotated[tuple[Size, ...], Meta(min_length=2, max_length=1_000)]
    activations: tuple[Activation, ...]


class _Preprocessing(msgspec.Struct, forbid_unknown_fields=True):
    offset: float
    scale: float


class Description(msgspec.Struct, forbid_unknown_fields=True):
    """The metadata of a model file; with a position, of a state."""

    architecture: _Architecture
    preprocessing: _Preprocessing
    class_names: tuple[Name, ...]
    image_shape: tuple[Size, Size]
    dataset: Name
    config: dict[str, Any]
    history: tuple[dict[str, Any], ...]
    versions: dict[str, str]
    origin: Literal["handstitch", "report npz"]
    position: dict[str, Any] | None = None
    initial_digest: Annotated[str, Meta(pattern="^([0-9a-f]{64})?\\Z")] = ""


def described(path: Path, model: Model) -> dict[str, Any]:
    """The metadata of the model's file. Raises ModelFileError if `checked` would refuse it."""
    timed = {key for epoch in model.history for key in epoch if "seconds" in key}
    if timed:
        raise ValueError(f"a model file must not depend on the clock: {sorted(timed)}")
    metadata: dict[str, Any] = {
        "architecture": {"sizes": model.parameters.sizes, "activations": model.activations},
        "preprocessing": {"offset": float(model.offset), "scale": float(model.scale)},
        "class_names": model.class_names,
        "image_shape": model.image_shape,
        "dataset": model.dataset,
        "config": model.config,
        "history": model.history,
        "versions": model.versions,
        "origin": model.origin,
    }
    if model.initial_digest:
        metadata["initial_digest"] = model.initial_digest
    checked(path, metadata)
    return metadata


def checked(path: Path, metadata: dict[str, Any]) -> Description:
    """The metadata as a description that makes sense. Raises ModelFileError."""
    try:
        description = msgspec.convert(metadata, Description)
    except msgspec.ValidationError as error:
        raise _senseless(path, str(error)) from error
    sizes = description.architecture.sizes
    rows_columns = description.image_shape
    names = (*description.class_names, description.dataset)
    scaling = description.preprocessing
    if len(description.architecture.activations) != len(sizes) - 2:
        raise _senseless(path, f"{len(sizes) - 1} layers with another number of activations")
    if prod(rows_columns) != sizes[0]:
        raise _senseless(path, f"images {rows_columns} for {sizes[0]} inputs")
    if len(description.class_names) != sizes[-1]:
        raise _senseless(path, f"{len(description.class_names)} class names, {sizes[-1]} outputs")
    if not (isfinite(scaling.offset) and isfinite(scaling.scale) and scaling.scale != 0):
        raise _senseless(path, f"pixels scaled by {scaling.scale}")
    hidden = [name for name in names if printable(name) != name]
    if hidden:
        raise _senseless(path, f"a name with invisible characters: {hidden[0]}")
    return description


def _senseless(path: Path, found: str) -> ModelFileError:
    return ModelFileError(
        "the description of this model makes no sense",
        file=path,
        found=found,
        wanted="a model file as Handstitch writes it",
        fix="give another file, or train again",
    )
