"""Learned or only initialised: statistics and a verdict for each layer of a network."""

from __future__ import annotations

from collections.abc import Sequence
from math import erf, sqrt
from typing import Final

import msgspec
import numpy as np

from handstitch import machine
from handstitch.arrays import Images, Labels, Matrix, Vector
from handstitch.core.network import Network
from handstitch.core.parameters import INITIALIZATIONS, Parameters
from handstitch.data.batches import Subset
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import Scaling
from handstitch.evaluation import Evaluator
from handstitch.insight.initial_weights import InitialWeights, recover_initial_weights
from handstitch.insight.permutation_test import ALPHA, COPIES, Structure, shuffle, structures
from handstitch.insight.probe_images import probe_images
from handstitch.insight.results import LayerResult, LayerVerdict, WeightsResult, sentences
from handstitch.machine.progress import announced
from handstitch.model import Model
from handstitch.randomness import Purpose, generator

TENTH: Final = 0.1
"""The course report reads most weights of its layers 1 and 2 as "within ±0.1"."""


def weights(
    model: Model,
    data: Dataset | None = None,
    validation: Dataset | None = None,
    *,
    copies: int = COPIES,
) -> WeightsResult:
    """Statistics, verdicts and accuracies of the weights of `model`.

    `data` is the `train` part of the data set it was trained on (see `find_training_data`);
    without it accuracies are left out, and dead units are counted on drawn images. The test set is
    never opened: accuracies are those of the validation part, the data's own or else split again
    from the seed in the file.

    Where the file's digest confirms the initial weights they decide: a layer is `as initialised`
    if every weight is still the initial one. Elsewhere the permutation test does: p ≤ ALPHA is
    `learned`. A network is `trained` if any layer is not `as initialised`.
    """
    theta = model.parameters
    network = Network(theta, model.activations)
    scaling = model.scaling
    mask = model.receptive_fields.mask if model.receptive_fields else None
    initial = recover_initial_weights(model)
    probe = probe_images(model, data, initial.config, validation)
    with machine.blas_threads(1):  # small products; and the same figures on any machine
        orders = structures(theta.weights, model.image_shape, copies=copies, mask=mask)
    dead = [*dead_units(network, probe.images, scaling), None]
    reset: Sequence[float | None] = [None] * len(orders)
    val_accuracy, decisive, held_out = None, None, 0
    if probe.validation is not None:
        images, labels = probe.validation
        held_out = len(labels)
        val_accuracy = Evaluator(network, images, scaling).loss_and_accuracy(labels)[1]
        if initial.parameters is not None:
            reset = reset_accuracies(network, initial.parameters, images, labels, scaling)
            decisive = decisive_layer(val_accuracy, reset, held_out)
    layers = [
        _layer(
            theta,
            number,
            initial,
            order,
            dead=units,
            accuracy=accuracy,
            mask=None if number else mask,
        )
        for number, (order, units, accuracy) in enumerate(
            announced(list(zip(orders, dead, reset, strict=True)), "singular values, layers")
        )
    ]
    learned = any(layer.verdict != "as initialised" for layer in layers)
    result = WeightsResult(
        verdict="trained" if learned else "as initialised",
        sizes=list(theta.sizes),
        initial_weights=initial.provenance,
        seed=initial.config.seed if initial.config else None,
        initialization=initial.initialization,
        copies=copies,
        images=probe.description,
        validation_images=held_out,
        val_accuracy=val_accuracy,
        decisive_layer=decisive,
        layers=layers,
        words=[],
    )
    return msgspec.structs.replace(result, words=[initial.sentence, *sentences(result)])


def effective_rank(W: Matrix) -> float:
    """exp(−Σ p ln p) with p = σ / Σ σ, of the singular values σ; 0 of a matrix of zeros.

    Between 1, if one direction is all there is, and the smaller side, if all are equally strong.
    O. Roy and M. Vetterli, "The effective rank", EUSIPCO 2007.
    """
    values = np.linalg.svd(W.astype(np.float64), compute_uv=False)
    p = values[values > 0] / values.sum()
    return float(np.exp(-np.sum(p * np.log(p)))) if p.size else 0.0


def decisive_layer(accuracy: float, reset: Sequence[float], images: int) -> int | None:
    """The layer, counted from 1, whose reset clearly costs most accuracy; None if none does.

    Clearly: more than any other's by two standard errors of the difference between accuracies on
    `images` images, taken as independent, which is conservative.
    """
    worst, *others = sorted(reset)
    rival = others[0] if others else accuracy
    error = sqrt((worst * (1 - worst) + rival * (1 - rival)) / images)
    return reset.index(worst) + 1 if rival - worst > 2 * error else None


def dead_units(network: Network, images: Images | Subset, scaling: Scaling) -> list[int]:
    """The number of units of each hidden layer whose output is constant over the images.

    Such a unit carries no information. With ReLU the constant is 0, and no gradient reaches the
    unit's weights.
    """
    widths = network.parameters.sizes[1:-1]
    lowest = [np.full(width, np.inf) for width in widths]
    highest = [np.full(width, -np.inf) for width in widths]
    for _, work in Evaluator(network, images, scaling).batches():
        for A, low, high in zip(work.outputs, lowest, highest, strict=False):  # without the logits
            np.minimum(low, A.min(axis=0), out=low)
            np.maximum(high, A.max(axis=0), out=high)
    return [int(np.count_nonzero(low == high)) for low, high in zip(lowest, highest, strict=True)]


def outgoing_norms(parameters: Parameters) -> Vector | None:
    """‖wᵢ‖ of row i of W₂, the outgoing weights of each first-layer unit; None without W₂.

    It measures how much the next layer uses a unit, from the weights alone: units are drawn in the
    same order with a data set or without.
    """
    if len(parameters.weights) == 1:
        return None
    # In float64, where no square overflows.
    norms: Vector = np.linalg.norm(parameters.weights[1].astype(np.float64), axis=1)
    return norms


def reset_accuracies(
    network: Network,
    initial: Parameters,
    images: Images | Subset,
    labels: Labels,
    scaling: Scaling,
) -> list[float]:
    """The accuracy with each layer alone reset to its initial weights and biases.

    In evaluation mode; `network` is not changed. The experiment is that of Zhang, Bengio and
    Singer, "Are all layers created equal?" (arXiv:1902.01996).
    """
    accuracies = []
    for layer in announced(range(len(network.layers)), "accuracies with one layer reset"):
        mixed = network.parameters.copy()
        mixed.weights[layer][:] = initial.weights[layer]
        mixed.biases[layer][:] = initial.biases[layer]
        evaluator = Evaluator(Network(mixed, network.activations), images, scaling)
        accuracies.append(evaluator.loss_and_accuracy(labels)[1])
    return accuracies


def _layer(
    theta: Parameters,
    number: int,
    initial: InitialWeights,
    order: Structure,
    *,
    dead: int | None,
    accuracy: float | None,
    mask: Matrix | None,
) -> LayerResult:
    W = theta.weights[number]
    W0 = initial.parameters.weights[number] if initial.parameters else None  # noqa: N806
    inside = np.ones(W.shape, bool) if mask is None else mask != 0
    # Of receptive fields: as if all rectangles were of the mean size.
    inputs, outputs = (inside.sum() / side for side in W.shape[::-1])
    sigma = float(INITIALIZATIONS[initial.initialization](inputs, outputs))
    rng = generator(0, Purpose.WEIGHT_SHUFFLE, len(theta.weights) + number)
    baseline = W.copy() if W0 is None else W0
    if W0 is None:
        shuffle(baseline, None if mask is None else inside, rng)
    deviation, initial_deviation = (
        float(np.std(A[inside], dtype=np.float64)) for A in (W, baseline)
    )
    unchanged = None if W0 is None else bool(np.array_equal(W, W0))
    return LayerResult(
        layer=number + 1,
        inputs=W.shape[0],
        outputs=W.shape[1],
        verdict=_verdict(unchanged, order),
        unchanged=unchanged,
        distance=None if W0 is None else _norm(W - W0) / (_norm(W0) or 1.0),
        share_below_0_1=float(np.mean(np.abs(W[inside]) <= TENTH)),
        initial_share_below_0_1=erf(TENTH / (sigma * sqrt(2))),
        smallest=float(W.min()),
        largest=float(W.max()),
        largest_bias=float(np.max(np.abs(theta.biases[number]))),
        spread=deviation / (sigma if W0 is None else initial_deviation or sigma),
        effective_rank=effective_rank(W),
        baseline_rank=effective_rank(baseline),
        **msgspec.structs.asdict(order),
        dead_units=dead,
        reset_accuracy=accuracy,
    )


def _verdict(unchanged: bool | None, order: Structure) -> LayerVerdict:
    if order.p_value <= ALPHA and not unchanged:
        return "learned"
    return "moved" if unchanged is False else "as initialised"


def _norm(W: Matrix) -> float:
    return float(np.linalg.norm(W.astype(np.float64)))
