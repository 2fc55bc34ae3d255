"""Seeing inside a network: what its weights and units say of what it learned.

weights(model, data)        learned or only initialised, layer by layer: a WeightsReport
data_at_hand(model)         the images that takes, if they are on this machine
unit_use(network, images, scaling)    how strongly each first-layer unit is heard
"""

from handstitch.insight.activity import unit_use
from handstitch.insight.findings import LayerFindings, WeightsReport
from handstitch.insight.layers import weights
from handstitch.insight.scene import data_at_hand

__all__ = ["LayerFindings", "WeightsReport", "data_at_hand", "unit_use", "weights"]
