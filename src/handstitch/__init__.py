"""Handstitch: a neural-network image classifier written out by hand in NumPy.

    import handstitch

    config = handstitch.Config(hidden_sizes=(300, 100), epochs=3)
    with handstitch.begin(config) as run:
        for record in run.train():
            print(record.epoch, record.val_accuracy)
    print(handstitch.load(run.folder).test().accuracy)

Public names are imported lazily (PEP 562), so that `import handstitch` is fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handstitch._version import __version__

if TYPE_CHECKING:
    from handstitch.config.schema import Config
    from handstitch.errors import HandstitchError
    from handstitch.model.classifier import Classifier
    from handstitch.runs.folder import load
    from handstitch.runs.run import Run, begin

__all__ = ["Classifier", "Config", "HandstitchError", "Run", "__version__", "begin", "load"]

_HOMES = {
    "Classifier": "handstitch.model.classifier",
    "Config": "handstitch.config.schema",
    "HandstitchError": "handstitch.errors",
    "Run": "handstitch.runs.run",
    "begin": "handstitch.runs.run",
    "load": "handstitch.runs.folder",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'handstitch' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
