"""Starting from a model: its weights are the initial ones, and its scaling is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from handstitch.config import Config
from handstitch.core.activations import Activation
from handstitch.core.parameters import Parameters
from handstitch.data.dataset import Dataset
from handstitch.data.samples import shape_in_words
from handstitch.data.scaling import Scaling
from handstitch.errors import Argument, ConfigError, DataError, Phrase, listed
from handstitch.receptive_fields import ReceptiveFields
from handstitch.training.state import initial_parameters, weights_digest


class StartingModel(Protocol):
    """A trained network: a Model, such as `handstitch.load(path).model`."""

    @property
    def parameters(self) -> Parameters:
        """θ, float32."""

    @property
    def activations(self) -> tuple[Activation, ...]:
        """One for each hidden layer."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the outputs."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(rows, columns) or (rows, columns, 3) of an image, or (features,)."""

    @property
    def receptive_fields(self) -> ReceptiveFields | None:
        """Of the first layer; None where it is dense."""

    @property
    def scaling(self) -> Scaling:
        """The preprocessing of pixels or features."""


class Start(NamedTuple):
    """What a training started from, where its weights were not drawn."""

    digest: str
    """`weights_digest` of the model's parameters."""
    words: str
    """What was taken from it."""


def settings_of(model: StartingModel) -> dict[str, Any]:
    """The settings that decide the network: a training from this model must have the same."""
    return {
        "hidden_sizes": model.parameters.sizes[1:-1],
        "activation": _shortest(model.activations),
        "scaling": model.scaling.kind,
        "receptive_field": model.receptive_fields.sides if model.receptive_fields else (),
    }


def prepare(
    config: Config, sizes: tuple[int, ...], dataset: Dataset, model: StartingModel
) -> tuple[Parameters, Start]:
    """θ before the first step, a copy of the model's, and the start in words.

    Where the classes are others the last layer is as drawn from the seed; where they stand in
    another order, so do its units. Raises ConfigError if the settings give another network,
    DataError if the samples are of another shape.
    """
    _require_same(config, dataset, model)
    parameters = initial_parameters(config, sizes, model.receptive_fields)
    theta = model.parameters
    units, words = _match(dataset.class_names, model.class_names)
    kept = len(theta.weights) - (units is None)
    for own, others in (
        (parameters.weights, theta.weights),
        (parameters.biases, theta.biases),
    ):
        for target, source in list(zip(own, others, strict=True))[:kept]:
            # Of the last layer, the units of these classes; of the others, all.
            target[...] = source[..., units] if target is own[-1] else source
    return parameters, Start(weights_digest(theta.vector), words)


def _match(names: tuple[str, ...], known: tuple[str, ...]) -> tuple[Sequence[int] | None, str]:
    """The output of the model for each class, None where the classes are others; and that in words.

    Classes that are counted only, as those of arrays without names, are matched by position.
    """
    if sorted(names) == sorted(known):
        return [known.index(name) for name in names], "all its layers are kept"
    if len(names) == len(known) and tuple(map(str, range(len(names)))) in (names, known):
        return range(len(names)), (
            f"all its layers are kept; its classes ({listed(known, 3)}) are taken for those of the "
            f"data ({listed(names, 3)}) in order"
        )
    return None, (
        f"its {len(known)} classes ({listed(known, 3)}) are not the {len(names)} of the data "
        f"({listed(names, 3)}), so the last layer is drawn anew"
    )


def _require_same(config: Config, dataset: Dataset, model: StartingModel) -> None:
    wanted = settings_of(model)
    given = {name: getattr(config, name) for name in wanted}
    given["activation"] = _shortest(config.activations)
    differ = [name for name in wanted if given[name] not in (wanted[name], "auto")]
    if differ:
        template = " ".join(["{}"] * len(differ))
        these = Phrase(template, *(Argument(name, wanted[name]) for name in differ))
        raise ConfigError(
            "the model to start from is another network",
            found=Phrase(template, *(Argument(name, given[name]) for name in differ)),
            wanted=these,
            fix=Phrase(f"use {these.template}", *these.parts),
        )
    if dataset.image_shape != model.image_shape:
        shape = model.image_shape
        resized = [Argument("image_size", shape[:2])] if len(shape) > 1 else []
        resized += [Argument("grayscale", True)] if len(shape) == 2 else []
        raise DataError(
            "the model to start from is of samples of another shape",
            found=shape_in_words(dataset.image_shape),
            wanted=shape_in_words(shape),
            fix=Phrase(f"have pictures resized: {' '.join(['{}'] * len(resized))}", *resized)
            if resized
            else "give samples of the features that it was trained on",
        )


def _shortest(activations: tuple[Activation, ...]) -> tuple[Activation, ...]:
    """One activation where all hidden layers have the same; `relu` where there is no layer."""
    if not activations:
        return ("relu",)
    return activations[:1] if len(set(activations)) == 1 else activations
