"""Seeing inside a network: what its weights and units say of what it learned.

weights(model, data)     learned or only initialised, layer by layer: a WeightsResult
find_training_data(model)   the images that takes, if they are on this machine
fits(model, data)        whether the network is made for these images and classes
origin(model)            the initial weights, drawn anew and confirmed by the file's digest
outgoing_norms(parameters)   how much the next layer heeds each first-layer unit
"""

from handstitch.insight.activity import outgoing_norms
from handstitch.insight.initial_weights import origin
from handstitch.insight.layers import weights
from handstitch.insight.probe_images import find_training_data, fits
from handstitch.insight.results import LayerResult, WeightsResult

__all__ = [
    "LayerResult",
    "WeightsResult",
    "find_training_data",
    "fits",
    "origin",
    "outgoing_norms",
    "weights",
]
