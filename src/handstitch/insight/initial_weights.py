"""The initial weights of a trained network, drawn again from the seed in its file."""

from __future__ import annotations

from typing import Literal, NamedTuple

from handstitch.config import Config
from handstitch.config.schema import from_mapping
from handstitch.core.parameters import Parameters
from handstitch.errors import ConfigError
from handstitch.model import Model
from handstitch.training import initial_digest, initial_parameters

Provenance = Literal["confirmed", "contradicted", "unrecorded", "no seed", "another model"]
"""Whether the digest in the file is that of the weights drawn from its seed; `unrecorded`: there
is a seed and no digest; `another model`: they are a model's, from which it was trained on."""


class InitialWeights(NamedTuple):
    """A network's weights before training, and how certain they are."""

    provenance: Provenance
    config: Config | None
    """The run's; None where the file has none."""
    parameters: Parameters | None
    """θ before the first step, if confirmed; else None."""

    @property
    def initialization(self) -> str:
        """In INITIALIZATIONS; He's, as in the course report, where the file names none."""
        return self.config.initialization if self.config else "he"

    @property
    def sentence(self) -> str:
        """The provenance in words."""
        seed = self.config.seed if self.config else None
        return {
            "confirmed": f"The initial weights were drawn from seed {seed}; the digest in the file "
            "confirms it.",
            "contradicted": "The digest in the file is not that of the weights drawn from seed "
            f"{seed} here: the file was changed, or another NumPy drew them. The initial weights "
            "are therefore unknown, and nothing is compared with them.",
            "unrecorded": "The file has no digest of its initial weights. "
            "Nothing is compared with them.",
            "another model": "The initial weights are those of another model, from which this "
            "one was trained on. Nothing is compared with them.",
            "no seed": "The file has no usable seed, so its initial weights are unknown and "
            "nothing is compared with them.",
        }[self.provenance]


def recover_initial_weights(model: Model) -> InitialWeights:
    """The initial weights drawn from the seed, if the file's digest confirms them.

    A seed alone proves nothing: the file can have been changed, and another NumPy may draw other
    numbers from it.
    """
    try:
        config = from_mapping(model.config, "this model file")
    except ConfigError:  # a setting that this version does not know
        config = None
    if config is None or "seed" not in model.config:
        return InitialWeights("no seed", None, None)
    if model.start_digest:
        return InitialWeights("another model", config, None)
    if not model.initial_digest:
        return InitialWeights("unrecorded", config, None)
    parameters = initial_parameters(config, model.parameters.sizes, model.receptive_fields)
    if initial_digest(parameters) != model.initial_digest:
        return InitialWeights("contradicted", config, None)
    return InitialWeights("confirmed", config, parameters)
