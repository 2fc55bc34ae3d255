"""A look inside a network: what its weights and units say of what it learned.

weights(model, data)             learned or only initialised, layer by layer: a WeightsResult
find_training_data(model)        its training images, if they are on this machine
fits(model, data)                whether the network is made for these images and classes
recover_initial_weights(model)   the initial weights, drawn from the seed and checked by digest
neighbour_correlation(W, shape)  Moran's I of first-layer units: structure against noise
outgoing_norms(parameters)       the norm of each first-layer unit's outgoing weights

and what it computes of one image:

evidence(model, samples)         each logit as a sum of contributions of the pixels, exactly
is_exact(model)                  whether it is: of ReLU and leaky ReLU alone
counterfactuals(model, images)   a small change of each image that gives it another class
explain(model, images)           both, for the answer of each image against another class
take_step(model, config, image)  one training step on one image, with all its numbers
"""

from handstitch.insight.counterfactual import Counterfactuals, counterfactuals
from handstitch.insight.evidence import Evidence, evidence, is_exact
from handstitch.insight.explanation import REGIONS, Change, Explanation, explain
from handstitch.insight.initial_weights import recover_initial_weights
from handstitch.insight.layers import outgoing_norms, weights
from handstitch.insight.microscope import TrainingStep, take_step
from handstitch.insight.neighbour_correlation import NOISE, is_noise, neighbour_correlation
from handstitch.insight.probe_images import find_training_data, fits
from handstitch.insight.results import LayerResult, WeightsResult

__all__ = [
    "NOISE",
    "REGIONS",
    "Change",
    "Counterfactuals",
    "Evidence",
    "Explanation",
    "LayerResult",
    "TrainingStep",
    "WeightsResult",
    "counterfactuals",
    "evidence",
    "explain",
    "find_training_data",
    "fits",
    "is_exact",
    "is_noise",
    "neighbour_correlation",
    "outgoing_norms",
    "recover_initial_weights",
    "take_step",
    "weights",
]
