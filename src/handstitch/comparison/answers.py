"""The images that networks are compared on, and their answers.

Validation images decide where that is fair: the networks of each pair held out the same ones, and
some network was not tested yet, so that a comparison, which is a selection, leaves the test images
alone. Otherwise test images do, and each evaluation is recorded in the test log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Labels, Matrix
from handstitch.comparison.findings import Part
from handstitch.comparison.networks import ComparedNetwork
from handstitch.data import splits
from handstitch.data.dataset import Dataset
from handstitch.data.sources import Source
from handstitch.evaluation import evaluate
from handstitch.runs import test_log
from handstitch.training import weights_digest

Load = Callable[[Literal["train", "test"]], Dataset]
"""`Source.load`, which may remember what it loaded."""
NetworkPair = tuple[ComparedNetwork, ComparedNetwork]


class Answers(NamedTuple):
    """What a network answers to images."""

    data: Dataset
    positions: Labels
    """(n,): of the class with the highest probability."""
    P: Matrix

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n,): whether each answer is correct."""
        return np.equal(self.positions, self.data.labels)

    @property
    def accuracy(self) -> float:
        """The share of correct answers."""
        return float(np.mean(self.right))


class HeldOut(NamedTuple):
    """What decides which images a training held out."""

    digest: str
    """Of a validation set of its own; else empty, and the others decide."""
    fraction: float = 0.0
    seed: int = 0
    stratified: bool = False


def part_of(pairs: Sequence[NetworkPair], networks: Sequence[ComparedNetwork]) -> Part:
    """The part whose images decide."""
    is_same = all(_held_out(one) == _held_out(other) for one, other in pairs)
    has_some = bool(pairs) and all(map(_held_out, networks))
    return "validation" if has_some and is_same and not all(map(_is_tested, networks)) else "test"


def ask(network: ComparedNetwork, source: Source, load: Load, part: Part) -> Answers:
    """The answers to the images of a part of its data; recorded if they are its test images.

    Raises as `Source.load`, ModelFileError where the network does not fit or overflows.
    """
    classifier = network.classifier
    model = classifier.model
    held_out = None if part == "test" else _held_out(network)
    data = load("test") if held_out is None else _validation(held_out, source, load)
    classifier.require_classes(data)
    if held_out is None:
        found = evaluate(
            classifier.network, data, model.scaling, classifier.weights, model.temperature
        )
        for folder in network.folders:
            test_log.record(folder, classifier.model, found)
    P = classifier.predict_proba(data.images)
    return Answers(data, np.argmax(P, axis=1).astype(data.labels.dtype), P)


def _held_out(network: ComparedNetwork) -> HeldOut | None:
    """None where a training held out nothing, or nothing that is known."""
    config, digest = network.config, network.classifier.model.validation_digest
    if digest:
        return HeldOut(digest)
    if config is None or not config.validation:
        return None
    return HeldOut("", config.validation, config.seed, config.stratified)


def _validation(held_out: HeldOut, source: Source, load: Load) -> Dataset:
    """The images that were held out."""
    own = source.validation_of(held_out.digest)
    if own is not None:
        return own
    return splits.held_out(load("train"), *held_out[1:])


def _is_tested(network: ComparedNetwork) -> bool:
    """Whether a test log has an evaluation of these very weights."""
    digest = weights_digest(network.classifier.model.parameters.vector)
    return any(digest in test_log.read(Path(folder)).latest for folder in network.folders)
