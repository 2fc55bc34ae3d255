"""Handstitch: a neural-network image classifier written out by hand in NumPy.

    import handstitch as hs

    classifier = hs.Classifier(hidden_sizes=(300, 100), epochs=5)    # arrays in, a classifier out
    classifier.fit(images, labels).predict(images)

    run = hs.train(hs.Config(epochs=5), data="sketch", out="runs/a")  # a run with a folder
    print(hs.load("runs/a").evaluate().accuracy)

    for record in hs.Trainer(hs.Config(), hs.Dataset.from_arrays(images, labels)):  # your own loop
        print(record.epoch, record.val_accuracy)

Public names are imported lazily (PEP 562), so that `import handstitch` is fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handstitch._version import __version__

if TYPE_CHECKING:
    from handstitch.config.schema import Config
    from handstitch.data.dataset import Dataset
    from handstitch.errors import HandstitchError
    from handstitch.model.classifier import Classifier
    from handstitch.model.pretrained import pretrained
    from handstitch.runs.folder import load
    from handstitch.runs.run import Run
    from handstitch.runs.start import resume, train
    from handstitch.training.callbacks import Callback
    from handstitch.training.tensorboard import TensorBoard
    from handstitch.training.trainer import Trainer

_HOMES = {
    "Callback": "handstitch.training.callbacks",
    "Classifier": "handstitch.model.classifier",
    "Config": "handstitch.config.schema",
    "Dataset": "handstitch.data.dataset",
    "HandstitchError": "handstitch.errors",
    "Run": "handstitch.runs.run",
    "TensorBoard": "handstitch.training.tensorboard",
    "Trainer": "handstitch.training.trainer",
    "load": "handstitch.runs.folder",
    "pretrained": "handstitch.model.pretrained",
    "resume": "handstitch.runs.start",
    "train": "handstitch.runs.start",
}

__all__ = [
    "Callback",
    "Classifier",
    "Config",
    "Dataset",
    "HandstitchError",
    "Run",
    "TensorBoard",
    "Trainer",
    "__version__",
    "load",
    "pretrained",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'handstitch' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
