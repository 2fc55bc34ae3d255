"""The same training in the conventions of other libraries, as a program for each.

    penalty     λ here is that of λθ in the gradient; Keras has λ/2, scikit-learn λ · batch size
    momentum    V ← μV + G here and in PyTorch; Keras and scikit-learn keep −ηV
    ε           beside √Ŝ here and in PyTorch; Keras's and scikit-learn's Adam adds it to √S,
                Keras's RMSprop under the root

Programs are text: no library is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal

from handstitch.config import Config
from handstitch.training.translation import keras, pytorch, scikit_learn

Library = Literal["torch", "keras", "sklearn"]

_LIBRARIES: Final[dict[Library, tuple[str, Callable[[Config], tuple[list[str], str]]]]] = {
    "torch": ("PyTorch", pytorch.translate),
    "keras": ("Keras", keras.translate),
    "sklearn": ("scikit-learn", scikit_learn.translate),
}
"""Name of its package → its name, and (settings without a counterpart, program)."""


def translate(config: Config, library: Library) -> str:
    """The training of `config` as a Python program for `library`; its comments say what differs."""
    title, write = _LIBRARIES[library]
    missing, program = write(config)
    lines = [
        f"# A training of Handstitch in {title}, in its conventions. What differs:",
        *(f"# - {line}" for line in [*_of_any_library(config), *missing]),
    ]
    return "\n".join(lines) + "\n\n" + program.strip() + "\n"


def _of_any_library(config: Config) -> Iterator[str]:
    """What no program has: other random numbers, and what happens to the data."""
    yield f"seed = {config.seed}: other libraries draw other weights, orders and masks from it"
    if config.scaling == "standard":
        yield "scaling = standard: X is (x - mean) / standard deviation of all training pixels"
    else:
        yield f"scaling = {config.scaling}: X is x / {config.scaling}"
    if config.validation:
        yield f"validation = {config.validation}, monitor = {config.monitor}: keeps the best epoch"
    if config.patience:
        yield f"patience = {config.patience}: early stopping"
    if config.receptive_field:
        yield "receptive_field: units of the first layer see a rectangle of the image only"
    if config.shift:
        yield f"shift = {config.shift}: augmentation; it is off on images below 14 pixels"
    for name in ("flip", "erase", "mixup"):
        if value := getattr(config, name):
            yield f"{name} = {value}: augmentation"
