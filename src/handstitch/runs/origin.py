"""The model that a run started from, kept in its folder: a resumed run starts from the same.

weights/start.safetensors   the model
start.json                  its name, and the digest of its weights
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from handstitch import storage
from handstitch.config.messages import pretty_json
from handstitch.data.catalog import TITLES
from handstitch.errors import printable
from handstitch.model import load_model
from handstitch.model.classifier import Classifier
from handstitch.model.files import model_bytes
from handstitch.model.info import Model, Name
from handstitch.runs import folder as run_folder
from handstitch.runs.folder import START, STARTED_FROM
from handstitch.training import weights_digest
from handstitch.training.starting_model import settings_of


class StartingPoint(msgspec.Struct, frozen=True):
    """The content of start.json."""

    name: Name
    """Of the run's folder, or of the model file."""
    digest: str
    """`weights_digest` of its parameters."""


class Origin:
    """A model to start from, and its name."""

    def __init__(self, model: Model, name: str) -> None:
        self.model = model
        self.name = name

    @classmethod
    def of(cls, place: str | Path | Classifier) -> Origin:
        """The model that the user names: a run's folder, a model file, or a Classifier."""
        classifier = place if isinstance(place, Classifier) else run_folder.load(place)
        if classifier.path is None:
            return cls(classifier.model, "a classifier in Python")
        named = run_folder.run_of(classifier.path) or classifier.path
        return cls(classifier.model, printable(named.resolve().name)[:200])

    def settings(self, dataset: str) -> dict[str, Any]:
        """The settings that a run from it on `dataset` takes over, unless it is given others.

        They decide the network; and of the user's own data, pictures become those it expects.
        """
        shape, is_own = self.model.image_shape, dataset not in {*TITLES, "auto"}
        pictures = {"image_size": shape[:2], "grayscale": len(shape) == 2}
        return settings_of(self.model) | (pictures if is_own and self.model.has_images else {})

    @property
    def files(self) -> dict[str, bytes]:
        """What a run's folder keeps of it."""
        digest = weights_digest(self.model.parameters.vector)
        return {
            str(START): model_bytes(self.model),
            STARTED_FROM: pretty_json(StartingPoint(self.name, digest)),
        }


def recorded(folder: Path) -> Origin | None:
    """The model that the run in `folder` started from; None where its weights were drawn.

    Raises ModelFileError if the model is damaged or missing.
    """
    record, path = (storage.inside(folder, name) for name in (STARTED_FROM, START))
    if not (record.exists() or path.exists()):
        return None
    name = path.name  # it is for people: without it the run is the same
    with suppress(OSError, ValueError):
        name = storage.read_record(record, StartingPoint).name
    return Origin(load_model(path), name)
