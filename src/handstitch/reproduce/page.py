"""A reproduction as a page: the verdicts in a table, then each claim with its rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from handstitch.reproduce import published
from handstitch.reproduce.experiments import Stages
from handstitch.reproduce.findings import Finding, Findings, interval_of, shown
from handstitch.search import rank

if TYPE_CHECKING:
    from handstitch.records import EpochRecord

_INTRODUCTION: Final = """\
# The report, reproduced

The course report trained nine settings once each, took the best, and described what it saw. Here
its experiment is run again with several seeds, and every observation is a claim that the figures
decide: it **holds**, it **does not hold**, or it **cannot be told** from this many seeds. The
rules were written before the runs, and each says what would have counted against it.

Rates and decays are the report's: for summed gradients over batches of 64 (0.001 is 0.064 in the
convention of most frameworks). Accuracies are of 6,000 validation images, each seed with its own
split, unless the test set is named; intervals are at 95 %. "The report's own" is the same figure
computed from its single runs, which have no interval.
"""

_REPEATED: Final = """\
The report's choice trained again, with seeds that no search has seen: their validation figures
were not picked for being high, and each looked at the test set once, with its last weights.
"""

_FIGURES: Final[dict[str, tuple[str, str]]] = {
    "grid": (
        "Mean validation accuracy after the last epoch on the report's grid",
        "The report's grid, after the last epoch. Bold settings cannot be told from the best.",
    ),
    "curves": (
        "Validation accuracy and loss of the nine settings, epoch by epoch",
        "The nine settings: means over the seeds, and for the first few the seeds' range.",
    ),
    "repeated": (
        "Validation accuracy of the repeated runs and of the report's run",
        "The chosen setting trained again with fresh seeds, and the report's own repeated run.",
    ),
    "rates": (
        "Validation accuracy against the learning rate",
        "Without decay, from half the report's lowest rate to more than twice its highest.",
    ),
    "decays": ("Validation accuracy against slight weight decay", "Slight decay at rate 0.001."),
    "networks": (
        "Validation accuracy of other networks",
        "Other networks at rate 0.001 without decay.",
    ),
}
"""Name of a picture → its text alternative, and what stands below it."""


def write(findings: Findings, stages: Stages, folder: str, *, drawn: bool, build: str = "") -> str:
    """The page in Markdown. `folder` is where its pictures are, seen from it; `drawn` whether
    there are any; `build` names versions and machine.
    """
    parts = [
        _INTRODUCTION,
        _summary(findings, build),
        "## What the report says\n",
        _table(findings.observations),
        _picture("grid", folder, drawn=drawn),
        _picture("curves", folder, drawn=drawn),
        _grid(stages),
        "## The run it repeated\n",
        _runs(stages),
        _picture("repeated", folder, drawn=drawn),
        "## The work it leaves\n",
        _table(findings.future_work),
        *(_picture(name, folder, drawn=drawn) for name in ("rates", "networks", "decays")),
        "## Each claim\n",
        *(_detail(each) for each in (*findings.observations, *findings.future_work)),
    ]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def figures(stages: Stages) -> dict[str, Any]:
    """Name → matplotlib figure. Raises MissingMatplotlibError where none can be drawn."""
    from handstitch.figures import search as drawings
    from handstitch.figures import search_space
    from handstitch.figures.reproduction import repeated_runs

    grid = rank(stages.grid, "last").settings
    histories: dict[int, list[list[EpochRecord]]] = {}
    for trial in stages.grid:
        histories.setdefault(trial.setting, []).append(list(trial.history))
    made: dict[str, Any] = {
        "grid": search_space.heat_map(grid, ("learning_rate", "weight_decay")),
        "curves": drawings.setting_curves(grid, histories),
        "repeated": repeated_runs([run.history for run in stages.runs], published.repeated_run()),
    }
    for name, trials, key in (
        ("rates", stages.rates, "learning_rate"),
        ("networks", stages.networks, "hidden_sizes"),
        ("decays", stages.decays, "weight_decay"),
    ):
        made[name] = drawings.accuracies(rank(trials, "last").settings, [key])
    return made


def _summary(findings: Findings, build: str) -> str:
    every = [*findings.observations, *findings.future_work]
    counts = {
        verdict: sum(each.claim.verdict == verdict for each in every)
        for verdict in ("holds", "does not hold", "cannot be told")
    }
    seeds = "1 seed" if findings.seeds == 1 else f"{findings.seeds} seeds"
    listed = (
        f"{counts['holds']} hold, {counts['does not hold']} do not, and "
        f"{counts['cannot be told']} cannot be told"
    )
    said = (
        f"{seeds} for each setting: {findings.trials} trials and {findings.runs} repeated runs. "
        f"Of {len(every)} claims: {listed}."
    )
    lines = [
        said,
        "",
        "To run it again (it goes on where it was stopped):",
        "",
        "```sh",
        f"handstitch reproduce report --seeds {findings.seeds}",
        "```",
        "",
    ]
    if build:
        lines[1:1] = ["", f"Machine: {build}."]
    return "\n".join(lines)


def _table(findings: Sequence[Finding]) -> str:
    lines = [
        "| | claim | effect here | 95 % interval | the report's own | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for each in findings:
        claim = each.claim
        lines.append(
            f"| {claim.name} | {claim.statement} | {shown(claim.effect, claim.unit)} "
            f"| {interval_of(claim)} | {shown(each.report, claim.unit)} | **{claim.verdict}** |"
        )
    return "\n".join(lines) + "\n"


def _picture(name: str, folder: str, *, drawn: bool) -> str:
    if not drawn:
        return ""
    alternative, below = _FIGURES[name]
    return f"![{alternative}]({folder}/{name}.png)\n\n*{below}*\n"


def _grid(stages: Stages) -> str:
    """Every setting of the grid beside the report's own figure."""
    own = {_values(trial.parameters): trial.history[-1] for trial in published.grid()}
    lines = [
        "Validation accuracy after the last epoch, mean over the seeds:\n",
        "| rate | decay | here | 95 % interval | best epoch | the report's own | tied |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in rank(stages.grid, "last", stages.seeds).settings:
        rate, decay = _values(each.parameters)
        low, high = each.interval or (each.mean, each.mean)
        report = own.get((rate, decay))
        lines.append(
            f"| {rate:g} | {decay:g} | {each.mean:.4f} | {low:.4f} to {high:.4f} "
            f"| {each.best_epoch_accuracy:.4f} | "
            f"{'–' if report is None else format(report.val_accuracy, '.4f')} | "
            f"{'yes' if each.tied else 'no'} |"
        )
    return "\n".join(lines) + "\n"


def _runs(stages: Stages) -> str:
    lines = [
        _REPEATED,
        "| seed | training loss | validation loss | validation accuracy | test accuracy |",
        "|---|---|---|---|---|",
    ]
    for run in stages.runs:
        last = run.history[-1]
        lines.append(
            f"| {run.seed} | {last.train_loss:.4f} | {last.val_loss:.4f} "
            f"| {last.val_accuracy:.4f} | {run.test_accuracy:.4f} |"
        )
    means = np.mean(
        [
            (
                run.history[-1].train_loss,
                run.history[-1].val_loss,
                run.val_accuracy,
                run.test_accuracy,
            )
            for run in stages.runs
        ],
        axis=0,
    )
    lines.append(f"| mean | {' | '.join(f'{mean:.4f}' for mean in means)} |")
    last = published.repeated_run()[-1]
    lines.append(
        f"| the report | {last.train_loss:.4f} | {last.val_loss:.4f} | {last.val_accuracy:.4f} "
        f"| {published.TEST_ACCURACY:.4f} |"
    )
    return "\n".join(lines) + "\n"


def _detail(finding: Finding) -> str:
    claim = finding.claim
    effect = shown(claim.effect, claim.unit)
    between = f" ({interval_of(claim)})" if claim.interval else ""
    lines = [
        f"**{claim.name}. {claim.statement}** {claim.verdict.capitalize()}: {effect}{between}.\n",
        f"- Measured: {claim.measure}.",
        f"- Against it would have been: {claim.against}.",
    ]
    if claim.remark:
        lines.append(f"- {claim.remark}")
    return "\n".join(lines) + "\n"


def _values(parameters: Mapping[str, object]) -> tuple[float, float]:
    rate, decay = parameters["learning_rate"], parameters["weight_decay"]
    return float(str(rate)), float(str(decay))
