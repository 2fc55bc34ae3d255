"""The weights a network began with, drawn anew from the seed in its file."""

from __future__ import annotations

from typing import Literal, NamedTuple

from handstitch.config import Config
from handstitch.config.schema import from_mapping
from handstitch.core.parameters import Parameters
from handstitch.errors import ConfigError
from handstitch.model import Model
from handstitch.training import initial_digest, initial_parameters

Standing = Literal["confirmed", "contradicted", "unrecorded", "no seed"]
"""What a file says of its initial weights: its digest is that of the weights drawn anew, or is
not; it has a seed and no digest; it has no seed."""


class Origin(NamedTuple):
    """Where a network's weights came from, as far as its file tells."""

    standing: Standing
    config: Config | None
    """The run's; None where the file has none."""
    parameters: Parameters | None
    """θ before the first step, where it is confirmed; else None."""

    @property
    def initialization(self) -> str:
        """In INITIALIZATIONS; He's, which the course report took, where the file names none."""
        return self.config.initialization if self.config else "he"

    @property
    def words(self) -> str:
        """The same in a sentence."""
        seed = self.config.seed if self.config else None
        return {
            "confirmed": f"The weights began as seed {seed} draws them; the digest in the file "
            "confirms it.",
            "contradicted": f"The digest in the file is not that of the weights seed {seed} draws "
            "here: the file was changed, or another NumPy drew them. The initial weights are "
            "therefore not known, and nothing is compared with them.",
            "unrecorded": "The file does not note which initial weights it had, as older files do "
            "not. Nothing is compared with them.",
            "no seed": "The file has no seed that can be used, so its initial weights are not "
            "known and nothing is compared with them.",
        }[self.standing]


def origin(model: Model) -> Origin:
    """Draw the initial weights anew and hold them against the digest that the file noted.

    Only what the digest confirms is given out: a seed alone proves nothing, for a file can be
    changed, and another NumPy may draw other numbers from it.
    """
    try:
        config = from_mapping(model.config, "this model file")
    except ConfigError:  # a setting that this version does not know
        config = None
    if config is None or "seed" not in model.config:
        return Origin("no seed", None, None)
    if not model.initial_digest:
        return Origin("unrecorded", config, None)
    drawn = initial_parameters(config, model.parameters.sizes)
    if initial_digest(drawn) != model.initial_digest:
        return Origin("contradicted", config, None)
    return Origin("confirmed", config, drawn)
