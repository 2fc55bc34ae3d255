"""Folders of runs and searches without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from handstitch.config import Config
from handstitch.config.messages import pretty_json
from handstitch.config.toml import to_toml
from handstitch.model import save_model
from handstitch.records import Trial, best_epoch
from handstitch.runs import folder as run_folder
from handstitch.runs import test_log
from handstitch.runs.history import history_csv
from handstitch.search import Search, make
from handstitch.search import folder as search_folder
from handstitch.training import weights_digest
from tests.report.samples import make_contents, make_evaluation
from tests.sample_models import sample
from tests.synthetic_trials import epochs


def write_run(
    folder: Path, accuracies: list[float], *, planned: int = 0, summary: Any = None, **settings: Any
) -> Path:
    """A run on sketch with these validation accuracies; with more epochs `planned`, unfinished.

    `summary` replaces fields of its summary.
    """
    folder.mkdir(parents=True)
    config = Config(dataset="sketch", epochs=planned or len(accuracies), **settings)
    history = epochs(accuracies)
    (folder / run_folder.CONFIG).write_text(to_toml(config), "utf-8")
    (folder / run_folder.HISTORY).write_text(history_csv(history), "utf-8")
    best = best_epoch(history)
    if best and not planned > len(accuracies):
        facts = make_contents().summary
        assert facts
        facts = msgspec.structs.replace(
            facts,
            dataset=config.dataset,
            best_val_accuracy=best.val_accuracy,
            val_images=1000,
            **(summary or {}),
        )
        (folder / run_folder.SUMMARY).write_bytes(pretty_json(facts))
    return folder


def write_test(folder: Path, *, seed: int = 0, other_weights: bool = False) -> float:
    """Log a test evaluation of the best weights of a run, or of others; its accuracy."""
    model = sample((16, 5, 2), seed=seed, image_shape=(4, 4), history=())
    save_model(folder / run_folder.BEST, model)
    measured, _ = make_evaluation(["left", "right"])
    digest = "0" * 64 if other_weights else weights_digest(model.parameters.vector)
    test_log.append(folder, measured, digest)
    return measured.accuracy


def write_search(
    folder: Path, trials: list[Trial], parameters: dict[str, Any], *, missing: int = 0, **more: Any
) -> Search:
    """A grid search on sketch with these trials; the last `missing` of them are not run yet."""
    seeds = 1 + max(trial.repeat for trial in trials)
    plan = make(
        Config(dataset="sketch", threads=1, backend="numpy"), parameters, seeds=seeds, **more
    )
    created = search_folder.create(plan, folder, "0" * 64, "")
    found = search_folder.load(created)
    for trial in trials[: len(trials) - missing]:
        found.keep(trial, b"")
    return search_folder.load(created)
