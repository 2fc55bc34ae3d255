"""Whether diagnoses of a training are right: `make diagnoses` asks at length, the suite a little.

python -m tests.campaign.diagnoses --seeds 20 --dataset fashion-mnist

Small networks on 5,000 images: healthy ones, and ones with a fault planted by public means. The
seed decides images, first weights, update rule, activation, widths and backend.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from handstitch import machine
from handstitch.arrays import Images, Labels
from handstitch.config import Config
from handstitch.core.activations import Activation
from handstitch.core.parameters import Parameters
from handstitch.data import sketch, sources
from handstitch.data.dataset import Dataset
from handstitch.data.scaling import Scaling
from handstitch.errors import DivergedError
from handstitch.evaluation import wilson_interval
from handstitch.receptive_fields import ReceptiveFields
from handstitch.training import Diagnostics, Trainer, initial_parameters

IMAGES = 5_000
RULES = ("adam", "sgd", "momentum", "nesterov", "rmsprop", "adamw")
ACTIVATIONS: tuple[Activation, ...] = ("relu", "relu", "tanh", "sigmoid", "leaky_relu", "elu")
WIDTHS = ((64, 32), (128,), (48, 48, 48))
RIGHT = {
    "healthy": set[str](),
    "rate × 100": {"learning rate", "diverged"},
    "zero initialisation": {"identical units"},
    "unscaled input": {"input scale"},
    "shuffled labels": {"no learning", "labels"},
}
"""Training → the first words that are right; the error of a divergence names the rate, too."""


@dataclass
class Model:
    """Something to start from, of drawn data: see `training.starting_model.StartingModel`."""

    parameters: Parameters
    activations: tuple[Activation, ...]
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]
    scaling: Scaling
    receptive_fields: ReceptiveFields | None = None


def recipe(seed: int, **settings: object) -> Config:
    """Settings that differ from seed to seed."""
    rng = np.random.default_rng(seed)
    drawn = {
        "optimizer": RULES[seed % len(RULES)],
        "activation": (ACTIVATIONS[rng.integers(len(ACTIVATIONS))],),
        "hidden_sizes": WIDTHS[rng.integers(len(WIDTHS))],
        "backend": ("numpy", "auto")[seed // len(RULES) % 2],
        "epochs": 6,
        "batch_size": int(rng.choice((32, 128))),
        "seed": seed,
        "threads": 1,
    }
    return Config(**(drawn | settings))  # type: ignore[arg-type]


def trainer(training: str, config: Config, images: Images, labels: Labels) -> Trainer:
    """A training with this fault, or a healthy one."""
    if training == "shuffled labels":
        labels = np.random.default_rng(config.seed).permutation(labels)
    data = Dataset.from_arrays(images, labels)
    if training == "rate × 100":
        config = replace(config, learning_rate=config.learning_rate * 100)
    start = None
    if training in {"zero initialisation", "unscaled input"}:
        config = replace(config, receptive_field=())
        sizes = (data.inputs, *config.hidden_sizes, len(data.class_names))
        theta = initial_parameters(config, sizes)
        scaling = Scaling(0.0, 1.0) if training == "unscaled input" else Scaling(128.0, 1 / 128)
        if training == "zero initialisation":
            theta = theta.zeros_like()
        start = Model(theta, config.activations, data.class_names, data.image_shape, scaling)
    return Trainer(config, data, start_from=start)


def words(trained: Trainer) -> list[str]:
    """The kinds of what is said in this training, in order."""
    diagnostics, diverged = Diagnostics(), []
    try:
        trained.fit(diagnostics.after_step, [diagnostics])
    except DivergedError:
        diverged = ["diverged"]
    return [one.kind for one in trained.state.diagnoses] + diverged


def is_right(training: str, said: list[str]) -> bool:
    """Whether the first words name the fault, or nothing is said where there is none."""
    return said[0] in RIGHT[training] if said and RIGHT[training] else not (said or RIGHT[training])


def main() -> int:
    """Count the right words; the status is 1 if any training was misjudged."""
    parser = argparse.ArgumentParser(description="Count the diagnoses that are right.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--dataset", default="sketch")
    parser.add_argument("--only", choices=list(RIGHT), nargs="+", default=list(RIGHT))
    given = parser.parse_args()
    logging.getLogger("handstitch").setLevel(logging.ERROR)
    began, wrong = time.time(), 0
    whole = (
        None if given.dataset == "sketch" else sources.resolve(given.dataset, None).load("train")
    )
    for training in given.only:
        right, counted = 0, Counter[str]()
        for seed in range(given.seeds):
            if whole is None:
                images, labels = sketch.draw(IMAGES, seed)
            else:
                chosen = np.random.default_rng(seed).permutation(len(whole))[:IMAGES]
                images, labels = whole.images[chosen], whole.labels[chosen]
            config = recipe(seed)
            said = words(trainer(training, config, images, labels))
            counted[" + ".join(said) or "nothing"] += 1
            right += is_right(training, said)
            if not is_right(training, said):
                print(f"  seed {seed}, {config.optimizer}, {config.activation}: {said}")
        low, high = wilson_interval(right, given.seeds)
        print(f"{training}: right in {right} of {given.seeds} ({low:.0%} to {high:.0%}): ", end="")
        print(", ".join(f"{n} × {what}" for what, n in counted.most_common()), flush=True)
        wrong += given.seeds - right
    print(f"{given.dataset}, {IMAGES:,} images, {time.time() - began:.0f} s; {machine.processor()}")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
