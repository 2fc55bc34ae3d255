"""A look inside a network: what its weights and units say of what it learned.

weights(model, data)             learned or only initialised, layer by layer: a WeightsResult
find_training_data(model)        its training images, if they are on this machine
fits(model, data)                whether the network is made for these images and classes
recover_initial_weights(model)   the initial weights, drawn from the seed and checked by digest
neighbour_correlation(W, shape)  Moran's I of first-layer units: structure against noise
outgoing_norms(parameters)       the norm of each first-layer unit's outgoing weights
"""

from handstitch.insight.initial_weights import recover_initial_weights
from handstitch.insight.layers import outgoing_norms, weights
from handstitch.insight.neighbour_correlation import NOISE, is_noise, neighbour_correlation
from handstitch.insight.probe_images import find_training_data, fits
from handstitch.insight.results import LayerResult, WeightsResult

__all__ = [
    "NOISE",
    "LayerResult",
    "WeightsResult",
    "find_training_data",
    "fits",
    "is_noise",
    "neighbour_correlation",
    "outgoing_norms",
    "recover_initial_weights",
    "weights",
]
