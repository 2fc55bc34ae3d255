"""Experiments: the course report's grid, the run that it repeated, and its future work.

Four searches and one repeated run for each seed, each in a folder of its own. Finished trials are
not trained again, so a reproduction that was stopped can be resumed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from handstitch import runs, search
from handstitch.config import Config
from handstitch.insight import find_training_data, weights
from handstitch.records import EpochRecord, Trial
from handstitch.runs import folder as run_folder
from handstitch.runs import test_log
from handstitch.search.executors import WorkerPool
from handstitch.training import weights_digest
from reproduction.grid import along
from reproduction.published import CHOSEN, DECAYS, RATES
from reproduction.repeated import RepeatedRun

_logger = logging.getLogger(__name__)

FRESH: Final = 1000
"""First seed of the repeated runs: none of them was used for choosing the candidate."""
MORE_RATES: Final = (0.0005, 0.000875, 0.001125, 0.0015, 0.002, 0.003)
"""Between the report's rates and beyond them."""
SLIGHT_DECAYS: Final = (0.003, 0.01, 0.03, 0.1)
NETWORKS: Final = ((256, 128), (1024, 512), (512, 256, 128), (512, 256, 128, 64))


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Results of all experiments: trials and repeated runs."""

    seeds: int
    trials: int
    grid: list[Trial]
    rates: list[Trial]
    """These and the next two differ in one parameter; candidate 0 is the report's choice."""
    networks: list[Trial]
    decays: list[Trial]
    runs: list[RepeatedRun]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Options of a reproduction."""

    folder: Path
    seeds: int
    workers: Callable[[], AbstractContextManager[WorkerPool]]
    data_dir: Path | None = None
    stop: search.StopFlag = field(default_factory=search.StopFlag)


def course_config() -> Config:
    """The report's choice, with one thread: the outcome does not depend on the machine's cores."""
    return Config.preset("course", threads=1)


def run(setup: Setup) -> Results:
    """Train what is missing, and return all results.

    Raises Interrupted if `setup.stop` was set; the same call resumes.
    """
    config = course_config()
    searched: dict[str, dict[str, tuple[Any, ...]]] = {
        "grid": {"learning_rate": RATES, "weight_decay": DECAYS},
        "decays": {"weight_decay": SLIGHT_DECAYS},
        "rates": {"learning_rate": MORE_RATES},
        "networks": {"hidden_sizes": NETWORKS},
    }
    trials = {
        stage: _search(setup, stage, config, parameters) for stage, parameters in searched.items()
    }
    undecayed = [trial for trial in trials["grid"] if trial.parameters["weight_decay"] == 0]
    chosen = [trial for trial in undecayed if trial.parameters["learning_rate"] == CHOSEN[0]]
    return Results(
        seeds=setup.seeds,
        trials=sum(map(len, trials.values())),
        grid=trials["grid"],
        rates=along("learning_rate", CHOSEN[0], chosen, undecayed, trials["rates"]),
        networks=along("hidden_sizes", list(config.hidden_sizes), chosen, trials["networks"]),
        decays=along("weight_decay", CHOSEN[1], chosen, trials["decays"]),
        runs=_repeat(setup, config),
    )


def _search(
    setup: Setup, stage: str, config: Config, parameters: dict[str, tuple[Any, ...]]
) -> list[Trial]:
    plan = search.make(config, parameters, seeds=setup.seeds)
    done = search.run(
        plan,
        setup.folder / stage,
        setup.workers(),
        data_dir=setup.data_dir,
        after_trial=lambda trial, finished, of: _log_progress(stage, finished, of),
        on_start=lambda found: _log_progress(stage, len(found.trials), plan.trials),
        stop=setup.stop,
    )
    return done.trials


def _log_progress(stage: str, finished: int, of: int) -> None:
    _logger.info("%s [%d/%d]", stage, finished, of)


def _repeat(setup: Setup, config: Config) -> list[RepeatedRun]:
    """The course report's choice, trained with seeds that no search used."""
    found: list[RepeatedRun] = []
    for seed in range(FRESH, FRESH + setup.seeds):
        folder = setup.folder / "repeated" / f"seed-{seed}"
        with _opened(folder, replace(config, seed=seed), setup) as opened:
            for _ in opened.train(setup.stop.check):
                pass
        found.append(_tested(folder, seed, list(opened.state.history), setup))
        _log_progress("repeated", len(found), setup.seeds)
    return found


def _opened(folder: Path, config: Config, setup: Setup) -> runs.Run:
    if (folder / run_folder.CONFIG).exists():
        return runs.reopen(folder, data_dir=setup.data_dir)
    return runs.create(config, None, folder, setup.data_dir)


def _tested(folder: Path, seed: int, history: list[EpochRecord], setup: Setup) -> RepeatedRun:
    """Test accuracy and layers of a run's last weights.

    Each run is tested once; after that its test log answers.
    """
    classifier = runs.load(folder, "last")
    digest = weights_digest(classifier.model.parameters.vector)
    evaluation = test_log.read(folder).latest.get(digest)
    if evaluation is None:
        evaluation = classifier.evaluate(data_dir=setup.data_dir)
        test_log.append(folder, evaluation, digest)
    data, _ = find_training_data(classifier.model, setup.data_dir)
    return RepeatedRun(
        seed=seed,
        history=history,
        test_accuracy=evaluation.accuracy,
        layers=weights(classifier.model, data).layers,
    )
