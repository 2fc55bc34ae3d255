"""Networks to compare, made without training: model files, run folders and a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handstitch import storage
from handstitch.config import Config
from handstitch.config.toml import to_toml
from handstitch.data.dataset import GARMENTS
from handstitch.model import Model, model_bytes
from handstitch.runs import folder as run_folder
from handstitch.search import folder, plan
from tests.sample_models import sample
from tests.synthetic_trials import epochs, trial

RECIPE: dict[str, Any] = {
    "dataset": "sketch",
    "hidden_sizes": (8,),
    "receptive_field": (),
    "shift": 0,
    "epochs": 3,
    "warmup": 0.0,
    "threads": 1,
}


def make_config(seed: int = 0, **settings: Any) -> Config:
    return Config(**(RECIPE | {"seed": seed} | settings))


def make_model(config: Config, weights: int | None = None, **changes: Any) -> Model:
    """A network for drawn images, with random weights, that says it was trained so."""
    facts: dict[str, Any] = {
        "class_names": GARMENTS,
        "image_shape": (28, 28),
        "dataset": config.dataset,
        "config": config.to_dict(),
    }
    seed = config.seed if weights is None else weights
    return sample((784, 8, 10), seed, **(facts | changes))


def save_run(path: str | Path, seed: int = 0, weights: int | None = None, **settings: Any) -> Path:
    """A run's folder, with its settings and its best weights."""
    config = make_config(seed, **settings)
    files = {
        run_folder.CONFIG: to_toml(config).encode(),
        str(run_folder.BEST): model_bytes(make_model(config, weights)),
    }
    for name, content in files.items():
        file = Path(path, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        storage.write(file, content)
    return Path(path)


def save_search(path: str | Path, seeds: int = 3) -> Path:
    """A search over two rates, its second candidate better in each seed."""
    search_plan = plan.make(make_config(), {"learning_rate": [0.01, 0.02]}, seeds=seeds)
    created = folder.create(search_plan, path, "", "")
    found = folder.load(created)
    for candidate in (0, 1):
        for repeat in range(seeds):
            values = search_plan.values(candidate)
            config = search_plan.config_of(values, repeat)
            done = trial(candidate, repeat, epochs([0.5 + 0.1 * candidate]), values, seeds=seeds)
            found.keep(done, model_bytes(make_model(config, 10 * candidate + repeat)))
    return created
