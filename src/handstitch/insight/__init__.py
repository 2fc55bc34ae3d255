"""Seeing inside a network: what its weights and units say of what it learned.

weights(model, data)     learned or only initialised, layer by layer: a WeightsReport
data_at_hand(model)      the images that takes, if they are on this machine
fits(model, data)        whether the network is made for these images and classes
origin(model)            the initial weights, drawn anew and confirmed by the file's digest
unit_use(parameters)     how much the next layer heeds each first-layer unit
"""

from handstitch.insight.activity import unit_use
from handstitch.insight.initial_weights import origin
from handstitch.insight.layers import weights
from handstitch.insight.probe_images import data_at_hand, fits
from handstitch.insight.results import LayerFindings, WeightsReport

__all__ = [
    "LayerFindings",
    "WeightsReport",
    "data_at_hand",
    "fits",
    "origin",
    "unit_use",
    "weights",
]
