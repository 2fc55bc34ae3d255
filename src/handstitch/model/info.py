"""A trained model, and the description of it that goes into a file."""

from __future__ import annotations

from math import isfinite, prod
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from handstitch.config.schema import Activation
from handstitch.core.parameters import Parameters
from handstitch.errors import ModelFileError, printable

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Size = Annotated[int, Meta(ge=1, lt=2**40)]


class Description(msgspec.Struct, frozen=True, kw_only=True, eq=False, forbid_unknown_fields=True):
    """All that using a network takes besides its weights."""

    activations: tuple[Activation, ...]
    """One for each hidden layer."""
    offset: float
    scale: float
    """Preprocessing: x ← (x − offset) · scale, of pixels from 0 to 255."""
    class_names: tuple[Name, ...]
    image_shape: tuple[Size, Size]
    """Rows and columns."""
    dataset: Name
    """Name of the data set it was trained on."""
    config: dict[str, Any]
    """`Config.to_dict()` with the threads as a number; empty for an imported file."""
    history: tuple[dict[str, Any], ...]
    """One for each epoch, without any seconds."""
    versions: dict[str, str]
    """Packages and other facts of the build that decide the bits."""
    origin: Literal["handstitch", "course npz"] = "handstitch"
    initial_digest: Annotated[str, Meta(pattern="^([0-9a-f]{64})?\\Z")] = ""
    """SHA-256 of the initial weights (`training.initial_digest`); empty where nobody noted it."""


class Model(Description, frozen=True, kw_only=True, eq=False):
    """A trained network with all that is needed to use it."""

    parameters: Parameters
    """θ, float32."""


class FileDescription(Description, frozen=True, kw_only=True, eq=False):
    """The metadata of a model file; with a position, of a state."""

    sizes: Annotated[tuple[Size, ...], Meta(min_length=2, max_length=1_000)]
    position: dict[str, Any] | None = None

    def model(self, parameters: Parameters) -> Model:
        """The model of this description with these weights."""
        values = {name: getattr(self, name) for name in Description.__struct_fields__}
        return Model(parameters=parameters, **values)


_GROUPS: Final = {"architecture": ("sizes", "activations"), "preprocessing": ("offset", "scale")}
"""The file has these fields in objects of their own."""


def described(path: Path, model: Model) -> dict[str, Any]:
    """The metadata of the model's file. Raises ModelFileError if `checked` would refuse it."""
    timed = {key for epoch in model.history for key in epoch if "seconds" in key}
    if timed:
        raise ValueError(f"a model file must not depend on the clock: {sorted(timed)}")
    metadata: dict[str, Any] = msgspec.structs.asdict(model)
    metadata["sizes"] = metadata.pop("parameters").sizes
    if not model.initial_digest:
        del metadata["initial_digest"]
    for group, names in _GROUPS.items():
        metadata[group] = {name: metadata.pop(name) for name in names}
    checked(path, metadata)
    return metadata


def checked(path: Path, metadata: dict[str, Any]) -> FileDescription:
    """The metadata as a description that makes sense. Raises ModelFileError."""
    flat = dict(metadata)
    try:
        for group in _GROUPS:
            flat |= flat.pop(group, {})
        found = msgspec.convert(flat, FileDescription)
    except (TypeError, ValueError) as error:
        raise _senseless(path, str(error)) from error
    names = (*found.class_names, found.dataset)
    hidden = [name for name in names if printable(name) != name]
    if len(found.activations) != len(found.sizes) - 2:
        raise _senseless(
            path, f"{len(found.sizes) - 1} layers, {len(found.activations)} activations"
        )
    if prod(found.image_shape) != found.sizes[0]:
        raise _senseless(path, f"images {found.image_shape} for {found.sizes[0]} inputs")
    if len(found.class_names) != found.sizes[-1]:
        raise _senseless(path, f"{len(found.class_names)} class names, {found.sizes[-1]} outputs")
    if not (isfinite(found.offset) and isfinite(found.scale) and found.scale != 0):
        raise _senseless(path, f"pixels scaled by {found.scale}")
    if hidden:
        raise _senseless(path, f"a name with invisible characters: {hidden[0]}")
    return found


def _senseless(path: Path, found: str) -> ModelFileError:
    return ModelFileError(
        "the description of this model makes no sense",
        file=path,
        found=found,
        wanted="a model file as Handstitch writes it",
        fix="give another file, or train again",
    )
