"""The report's experiment, run again: its grid, its repeated run, and the work it leaves.

Underneath are four searches and as many repeated runs as seeds, each in a folder of its own. What
is there already is not trained again, so a reproduction that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from handstitch import looks, recipes, run_folder, runs, search
from handstitch.config import Config
from handstitch.errors import Interrupted
from handstitch.insight import LayerFindings, data_at_hand, weights
from handstitch.records import EpochRecord, Trial
from handstitch.reproduce import published
from handstitch.reproduce.grid import pooled
from handstitch.reproduce.repeated import Layer, Run
from handstitch.search.engines import Engine

FRESH: Final = 1000
"""The repeated runs have the seeds from here on: none of them had a say in the choice."""
MORE_RATES: Final = (0.0005, 0.000875, 0.001125, 0.0015, 0.002, 0.003)
"""Between the report's rates and beyond them."""
SLIGHT_DECAYS: Final = (0.003, 0.01, 0.03, 0.1)
NETWORKS: Final = ((256, 128), (1024, 512), (512, 256, 128), (512, 256, 128, 64))

Notify = Callable[[str], None]


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """What was trained: every trial, and every repeated run."""

    config: dict[str, Any]
    """The report's settings, with nothing left at `auto`."""
    seeds: int
    grid: list[Trial]
    rates: list[Trial]
    """Without decay; the grid's are among them."""
    networks: list[Trial]
    decays: list[Trial]
    runs: list[Run]


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How a reproduction is run."""

    folder: Path
    seeds: int
    engine: Callable[[], AbstractContextManager[Engine]]
    data_dir: Path | None = None
    notify: Notify = lambda line: None
    begun: Callable[[str, int, int], None] = lambda stage, done, of: None
    """(stage, trials or runs finished before, of how many)."""
    after: Callable[[str, int, int], None] = lambda stage, done, of: None
    """(stage, finished, of how many)."""
    stop: search.Stop


def report_config() -> Config:
    """The settings of the report's chosen run."""
    return recipes.resolve({}, preset="report", environment={}).config


def searches(config: Config) -> dict[str, dict[str, list[Any]]]:
    """Stage → what it searches around `config`."""
    first = list(config.hidden_sizes)
    return {
        "grid": {
            "learning_rate": list(published.RATES),
            "weight_decay": list(published.DECAYS),
        },
        "decays": {"weight_decay": list(SLIGHT_DECAYS)},
        "rates": {"learning_rate": list(MORE_RATES)},
        "networks": {"hidden_sizes": [list(each) for each in NETWORKS if list(each) != first]},
    }


def run(setup: Setup, config: Config | None = None) -> Stages:
    """Train what is not trained yet, and read all of it.

    `config` stands in for the report's settings. Raises Interrupted when `setup.stop` was asked
    for; the same call goes on.
    """
    base = config or report_config()
    found: dict[str, list[Trial]] = {}
    for stage, parameters in searches(base).items():
        found[stage] = _search(setup, stage, base, parameters)
    fixed = base.to_dict()
    plain = [each for each in found["grid"] if each.parameters["weight_decay"] == 0]
    middle = [each for each in found["grid"] if _is_chosen(each)]
    return Stages(
        config=fixed,
        seeds=setup.seeds,
        grid=found["grid"],
        rates=_differing("learning_rate", pooled(fixed, plain, found["rates"])),
        networks=_differing("hidden_sizes", pooled(fixed, middle, found["networks"])),
        decays=_differing("weight_decay", pooled(fixed, middle, found["decays"])),
        runs=_repeat(setup, base),
    )


def _search(
    setup: Setup, stage: str, base: Config, parameters: dict[str, list[Any]]
) -> list[Trial]:
    spec = search.make(base, parameters, seeds=setup.seeds)
    done = search.run(
        spec,
        setup.folder / stage,
        setup.engine(),
        data_dir=setup.data_dir,
        notify=setup.notify,
        after_trial=lambda trial, finished, of: setup.after(stage, finished, of),
        begun=lambda begun: setup.begun(stage, len(begun.trials), spec.trials),
        stop=setup.stop,
    )
    return done.trials


def _is_chosen(trial: Trial) -> bool:
    parameters = trial.parameters
    return (parameters["learning_rate"], parameters["weight_decay"]) == published.CHOSEN


def _differing(name: str, trials: list[Trial]) -> list[Trial]:
    """The trials with this parameter alone: the others are the same in all of them."""
    return [
        msgspec.structs.replace(each, parameters={name: each.parameters[name]}) for each in trials
    ]


def _repeat(setup: Setup, base: Config) -> list[Run]:
    """The report's chosen setting, trained once more with seeds that no search has seen."""
    stage = "repeated"
    found: list[Run] = []
    # As the trials: with one thread the outcome does not depend on the machine's cores.
    base = replace(base, threads=1) if base.threads == "auto" else base
    setup.begun(stage, 0, setup.seeds)
    for seed in range(FRESH, FRESH + setup.seeds):
        folder = setup.folder / stage / f"seed-{seed}"
        with _opened(folder, replace(base, seed=seed), setup) as opened:
            history = _trained(opened, setup.stop)
        found.append(_judged(folder, seed, history, setup))
        setup.after(stage, len(found), setup.seeds)
    return found


def _opened(folder: Path, config: Config, setup: Setup) -> runs.Run:
    if (folder / run_folder.CONFIG).exists():
        return runs.resume(folder, None, setup.data_dir, lambda line: None)
    return runs.begin(config, folder, setup.data_dir, setup.notify)


def _trained(opened: runs.Run, stop: search.Stop) -> list[EpochRecord]:
    def after_step(_state: object) -> None:
        opened.stop_asked = stop.stop_asked

    for _ in opened.train(after_step):
        pass
    if stop.stop_asked:
        raise Interrupted(stop.stop_asked)
    return list(opened.state.history)


def _judged(folder: Path, seed: int, history: list[EpochRecord], setup: Setup) -> Run:
    """What the last weights are worth on the test set, and what they look like.

    The test set is looked at once for each run; what it said then is on record.
    """
    classifier = runs.load(folder, "last")
    model = classifier.model
    digest = looks.digest_of(model.parameters.vector)
    evaluation = looks.evaluation_of(folder, digest)
    if evaluation is None:
        evaluation = classifier.test(None, setup.data_dir, setup.notify)
        looks.note(folder, evaluation, digest)
    seen = weights(model, data_at_hand(model, setup.data_dir, setup.notify))
    return Run(
        seed=seed,
        history=history,
        test_accuracy=evaluation.accuracy,
        layers=[_layer(each, history[-1].val_accuracy) for each in seen.layers],
    )


def _layer(found: LayerFindings, accuracy: float) -> Layer:
    put_back = found.accuracy_put_back
    return Layer(
        within_tenth=found.within_tenth,
        within_tenth_initially=found.within_tenth_initially,
        smallest=found.smallest,
        largest=found.largest,
        p_value=found.p_value,
        put_back=accuracy if put_back is None else put_back,
    )
