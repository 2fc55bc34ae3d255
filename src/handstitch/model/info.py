"""A trained model, and the metadata that its file holds."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta

from handstitch.core.activations import Activation
from handstitch.core.parameters import Parameters
from handstitch.data.labels import LabelKind
from handstitch.data.samples import Background
from handstitch.data.scaling import Scaling
from handstitch.errors import ModelFileError, printable
from handstitch.model.outliers import OutlierDetector
from handstitch.receptive_fields import ReceptiveFields
from handstitch.records import Temperature

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Digest = Annotated[str, Meta(pattern="^([0-9a-f]{64})?\\Z")]
Size = Annotated[int, Meta(ge=1, lt=2**40)]


class _Metadata(msgspec.Struct, frozen=True, kw_only=True, eq=False, forbid_unknown_fields=True):
    """Everything that using a network needs besides its weights."""

    activations: tuple[Activation, ...]
    """One for each hidden layer."""
    offset: float | tuple[float, ...]
    scale: float | tuple[float, ...]
    """Preprocessing: x ← (x − offset) · scale, of pixels from 0 to 255; or of each feature."""
    class_names: tuple[Name, ...]
    image_shape: Annotated[tuple[Size, ...], Meta(min_length=1, max_length=3)]
    """(rows, columns) or (rows, columns, 3) of an image, or (features,)."""
    dataset: Name
    """Name of the data set it was trained on."""
    config: dict[str, Any]
    """`Config.to_dict()` with the threads as a number; empty for an imported file."""
    history: tuple[dict[str, Any], ...]
    """One for each epoch, without any seconds."""
    versions: dict[str, str]
    """Packages and other properties of the build that decide the bits."""
    origin: Literal["handstitch", "course npz", "import"] = "handstitch"
    data_digest: Digest = ""
    """SHA-256 of the training pixels and labels; empty if unknown."""
    initial_digest: Digest = ""
    """SHA-256 of the initial weights (`training.initial_digest`); empty if unknown."""
    validation_digest: Digest = ""
    """SHA-256 of the samples it was validated on, where they are a set of their own."""
    start_digest: Digest = ""
    """SHA-256 of the weights of the model it started from (`training.weights_digest`); empty where
    its initial weights were drawn."""
    background: Background = ""
    """Of the grey images it was trained on: what is predicted later is prepared alike."""
    labels: LabelKind = "position"
    """What a label was where arrays were fitted: what `predict` gives."""
    temperature: Temperature = 1.0
    """Logits are divided by it before softmax: fitted to validation images, and else 1."""

    @property
    def scaling(self) -> Scaling:
        """The preprocessing of pixels or features."""
        if isinstance(self.offset, tuple):
            return Scaling(np.array(self.offset, np.float32), np.array(self.scale, np.float32))
        return Scaling(self.offset, self.scale)  # type: ignore[arg-type]  # both or none

    @property
    def has_images(self) -> bool:
        """Whether its inputs are pixels, which can be drawn, and not features."""
        return len(self.image_shape) > 1


class Model(_Metadata, frozen=True, kw_only=True, eq=False):
    """A trained network with everything that using it needs."""

    parameters: Parameters
    """θ, float32."""
    receptive_fields: ReceptiveFields | None = None
    """Of the first layer; None where it is dense."""
    outliers: OutlierDetector | None = None
    """None in a state, in an imported file and where none could be fitted."""


class FileMetadata(_Metadata, frozen=True, kw_only=True, eq=False):
    """The metadata of a model file; with a position, of a state."""

    sizes: Annotated[tuple[Size, ...], Meta(min_length=2, max_length=1_000)]
    position: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Raises ValueError unless the fields agree with each other."""
        layers, outputs = len(self.sizes) - 1, self.sizes[-1]
        names = (*self.class_names, self.dataset)
        hidden = [name for name in names if printable(name) != name]
        offset, scale = (np.asarray(number, np.float64) for number in (self.offset, self.scale))
        scaled = np.isfinite(offset).all() and np.isfinite(scale).all() and np.all(scale)
        shapes = offset.shape, scale.shape
        is_number = [name.removeprefix("-").isdecimal() for name in self.class_names]
        faults = [
            (self.labels == "number" and not all(is_number), "class names that are no numbers"),
            (hidden, f"invisible characters in {hidden[:1]}"),
            (not scaled, "pixels scaled by a number that is 0 or not finite"),
            (shapes not in {((), ()), (self.sizes[:1],) * 2}, f"a scaling of shape {shapes}"),
            (len(self.class_names) != outputs, f"{len(self.class_names)} class names"),
            (len(self.activations) != layers - 1, f"{len(self.activations)} activations"),
            (
                prod(self.image_shape) != self.sizes[0] or self.image_shape[2:] not in {(), (3,)},
                f"images of shape {self.image_shape}",
            ),
        ]
        for is_fault, words in faults:
            if is_fault:
                raise ValueError(f"{words}, with layer sizes {self.sizes}")

    def model(
        self,
        parameters: Parameters,
        fields: ReceptiveFields | None,
        outliers: OutlierDetector | None,
    ) -> Model:
        """The model with this metadata, these weights, receptive fields and detector."""
        values = {name: getattr(self, name) for name in _Metadata.__struct_fields__}
        return Model(parameters=parameters, receptive_fields=fields, outliers=outliers, **values)


_GROUPS: Final = {"architecture": ("sizes", "activations"), "preprocessing": ("offset", "scale")}
"""Fields that the file groups into objects of their own."""


def to_metadata(path: Path, model: Model) -> dict[str, Any]:
    """The metadata of the model's file. Raises ModelFileError if `parse` would refuse it."""
    if any("seconds" in key for epoch in model.history for key in epoch):
        raise ValueError("the history of a model file must not depend on the clock")
    metadata: dict[str, Any] = msgspec.structs.asdict(model)
    metadata["sizes"] = metadata.pop("parameters").sizes
    del metadata["receptive_fields"], metadata["outliers"]  # arrays, too
    defaults = _Metadata.__struct_defaults__
    for name, default in zip(_Metadata.__struct_fields__[-len(defaults) :], defaults, strict=True):
        if metadata[name] == default and name != "origin":
            del metadata[name]
    for group, names in _GROUPS.items():
        metadata[group] = {name: metadata.pop(name) for name in names}
    parse(path, metadata)
    return metadata


def parse(path: Path, metadata: dict[str, Any]) -> FileMetadata:
    """The metadata, parsed and checked. Raises ModelFileError."""
    flat = dict(metadata)
    try:
        for group in _GROUPS:
            flat |= flat.pop(group, {})
        return msgspec.convert(flat, FileMetadata)
    except (TypeError, ValueError) as error:
        raise ModelFileError(
            "the metadata of this model file is invalid",
            file=path,
            found=str(error),
            wanted="metadata as Handstitch writes it",
            fix="give another file, or train again",
        ) from error
