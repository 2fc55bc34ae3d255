"""Model files and resumable state.

A model file holds the network, float32, and the preprocessing and names that prediction needs:

    layers.0.weight (inputs, outputs), layers.0.bias (outputs,), layers.1.weight, …
    outliers.means, outliers.whitening     where distances can be measured (OutlierDetector)
    { architecture, preprocessing, class_names, image_shape, dataset, config, history, … }

It is a function of configuration, data, build and thread count: no seconds, dates, paths, host
or name of a run. A state is a model file with further arrays (the optimizer's) and a position.
"""

from handstitch.model.files import (
    SavedState,
    load_model,
    load_newest_state,
    load_state,
    model_bytes,
    require_sizes,
    save_model,
    save_state,
)
from handstitch.model.info import Model

__all__ = [
    "Model",
    "SavedState",
    "load_model",
    "load_newest_state",
    "load_state",
    "model_bytes",
    "require_sizes",
    "save_model",
    "save_state",
]
