"""Learned or only initialised: what a network's weights say of it, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from math import erf, sqrt
from typing import Final

import msgspec
import numpy as np

from handstitch import machine
from handstitch.arrays import Matrix
from handstitch.core.network import Network
from handstitch.core.parameters import INITIALIZATIONS, Parameters
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import Scaling
from handstitch.evaluation import Evaluator
from handstitch.insight import summary
from handstitch.insight.activity import accuracies_put_back, dead_units
from handstitch.insight.initial_weights import Origin, origin
from handstitch.insight.permutation_test import ALPHA, COPIES, Structure, structures
from handstitch.insight.probe_images import scene
from handstitch.insight.results import LayerResult, LayerVerdict, WeightsResult
from handstitch.model import Model
from handstitch.randomness import Purpose, generator

TENTH: Final = 0.1
"""The course report calls most weights of its layers 1 and 2 "within ±0.1"."""


def weights(model: Model, data: Dataset | None = None, *, copies: int = COPIES) -> WeightsResult:
    """Everything that is found out about the weights of `model`.

    `data` is the `train` part of the data set it was trained on (see `find_training_data`); without it
    accuracies are left out, and dead units are looked for on drawn images. The test set is never
    asked for: accuracies are of the validation part, split off anew by the seed in the file.

    Where the file's digest confirms the initial weights they decide: a layer is `as initialised`
    if every weight is still the initial one. Elsewhere order does, which shuffled copies lack:
    p ≤ ALPHA is `learned`. A network is `trained` if any layer is not `as initialised`.
    """
    theta = model.parameters
    network = Network(theta, model.activations)
    scaling = Scaling(model.offset, model.scale)
    begun = origin(model)
    seen = scene(model, data, begun.config)
    with machine.blas_threads(1):  # small products; and the same figures on any machine
        orders = structures(theta.weights, model.image_shape, copies=copies)
    dead = [*dead_units(network, seen.images, scaling), None]
    put_back: Sequence[float | None] = [None] * len(orders)
    val_accuracy = decisive = None
    held_out = 0
    if seen.validation is not None:
        images, labels = seen.validation
        held_out = len(labels)
        val_accuracy = Evaluator(network, images, scaling).loss_and_accuracy(labels)[1]
        if begun.parameters is not None:
            found = accuracies_put_back(network, begun.parameters, images, labels, scaling)
            decisive = decisive_layer(val_accuracy, found, held_out)
            put_back = found
    layers = [
        _layer(theta, number, begun, order, dead=units, accuracy=back)
        for number, (order, units, back) in enumerate(zip(orders, dead, put_back, strict=True))
    ]
    learned = any(each.verdict != "as initialised" for each in layers)
    report = WeightsResult(
        verdict="trained" if learned else "as initialised",
        sizes=list(theta.sizes),
        initial_weights=begun.standing,
        seed=begun.config.seed if begun.config else None,
        initialization=begun.initialization,
        copies=copies,
        images=seen.called,
        validation_images=held_out,
        val_accuracy=val_accuracy,
        decisive_layer=decisive,
        layers=layers,
        words=[],
    )
    return msgspec.structs.replace(report, words=[begun.words, *summary.of(report)])


def effective_rank(W: Matrix) -> float:
    """exp(−Σ p ln p) with p = σ / Σ σ, of the singular values σ; 0 of a matrix of zeros.

    Between 1, if one direction is all there is, and the smaller side, if all are equally strong.
    O. Roy and M. Vetterli, "The effective rank", EUSIPCO 2007.
    """
    values = np.linalg.svd(W.astype(np.float64), compute_uv=False)
    values = values[values > 0]
    if not len(values):
        return 0.0
    p = values / values.sum()
    return float(np.exp(-np.sum(p * np.log(p))))


def decisive_layer(accuracy: float, put_back: list[float], images: int) -> int | None:
    """The layer, counted from 1, whose return costs clearly the most accuracy; None if none does.

    Clearly: more than any other's by two standard errors of the difference between accuracies on
    `images` images, taken as independent, which errs on the careful side.
    """
    order = sorted(range(len(put_back)), key=lambda layer: put_back[layer])
    worst = put_back[order[0]]
    rival = put_back[order[1]] if len(order) > 1 else accuracy
    error = sqrt((worst * (1 - worst) + rival * (1 - rival)) / images)
    return order[0] + 1 if rival - worst > 2 * error else None


def _layer(
    theta: Parameters,
    number: int,
    begun: Origin,
    order: Structure,
    *,
    dead: int | None,
    accuracy: float | None,
) -> LayerResult:
    W = theta.weights[number]
    initial = begun.parameters.weights[number] if begun.parameters else None
    sigma = INITIALIZATIONS[begun.initialization](*W.shape)
    rng = generator(0, Purpose.WEIGHT_SHUFFLE, len(theta.weights) + number)
    chance = rng.permutation(W.reshape(-1)).reshape(W.shape) if initial is None else initial
    unchanged = None if initial is None else bool(np.array_equal(W, initial))
    return LayerResult(
        layer=number + 1,
        inputs=W.shape[0],
        outputs=W.shape[1],
        verdict=_verdict(unchanged, order),
        unchanged=unchanged,
        distance=None if initial is None else _norm(W - initial) / (_norm(initial) or 1.0),
        share_below_0_1=float(np.mean(np.abs(W) <= TENTH)),
        initial_share_below_0_1=erf(TENTH / (sigma * sqrt(2))),
        smallest=float(W.min()),
        largest=float(W.max()),
        largest_bias=float(np.max(np.abs(theta.biases[number]))),
        spread=_deviation(W) / (sigma if initial is None else _deviation(initial) or sigma),
        effective_rank=effective_rank(W),
        baseline_rank=effective_rank(chance),
        **msgspec.structs.asdict(order),
        dead_units=dead,
        reset_accuracy=accuracy,
    )


def _verdict(unchanged: bool | None, order: Structure) -> LayerVerdict:
    if unchanged:
        return "as initialised"
    if order.p_value <= ALPHA:
        return "learned"
    return "as initialised" if unchanged is None else "moved"


def _norm(W: Matrix) -> float:
    return float(np.linalg.norm(W.astype(np.float64)))


def _deviation(W: Matrix) -> float:
    return float(np.std(W, dtype=np.float64))
