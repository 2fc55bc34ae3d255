"""A reproduction as a page: the verdicts in a table, then each claim with its rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from handstitch.search import rank
from reproduction import published
from reproduction.claims import Finding, shown, shown_interval
from reproduction.experiments import Stages
from reproduction.findings import Findings

TITLE: Final = "# The report, reproduced"

INTRODUCTION: Final = f"""\
{TITLE}

The course report trained a network with hidden layers of 512 and 256 units on Fashion-MNIST: nine
candidates once each, of which it took the best, and described what it saw. (Its author, year and
address are not on record here; the figures that it printed are in
[report_search.csv](../reproduction/report_search.csv) and
[report_final_run.csv](../reproduction/report_final_run.csv).) Here its experiment is run again
with several seeds, and every observation is a claim that the figures decide: it **holds**, it
**does not hold**, or it is **inconclusive** with this many seeds. The rules were written before the
runs, and each says what would have counted against it.

Rates and decays are the report's: for summed gradients over batches of 64 (0.001 is 0.064 in the
convention of most frameworks). Accuracies are of 6,000 validation images, each seed with its own
split, unless the test set is named; intervals are at 95 %. "The report's own" is the same figure
computed from its single runs, which have no interval.
"""

_FIGURES: Final[dict[str, tuple[str, str]]] = {
    "grid": (
        "Mean validation accuracy after the last epoch on the report's grid",
        "After the last epoch. Bold candidates are indistinguishable from the best.",
    ),
    "curves": (
        "Validation accuracy and loss of the nine candidates, epoch by epoch",
        "The nine candidates: means over the seeds, and for the first few the seeds' range.",
    ),
    "repeated": (
        "Validation accuracy and loss of the repeated runs and of the report's run",
        "The report's choice trained again with fresh seeds, and the report's own repeated run.",
    ),
    "rates": (
        "Validation accuracy against the learning rate",
        "Without decay, from half the report's lowest rate to more than twice its highest.",
    ),
    "networks": (
        "Validation accuracy of other networks",
        "Other networks at rate 0.001 without decay.",
    ),
    "decays": ("Validation accuracy against slight weight decay", "Slight decay at rate 0.001."),
}
"""Name of a picture → its text alternative, and what stands below it."""


def write(findings: Findings, stages: Stages, folder: str, build: str) -> str:
    """The page in Markdown; `folder` is where its pictures are, `build` names machine and
    versions.
    """
    pictures = {
        name: f"![{alternative}]({folder}/{name}.png)\n\n*{below}*\n"
        for name, (alternative, below) in _FIGURES.items()
    }
    return (
        "\n".join(
            [
                INTRODUCTION,
                _summary(findings, stages, build),
                "## What the report says\n",
                _verdicts(findings.observations),
                pictures["grid"],
                pictures["curves"],
                _grid(stages),
                "## The run it repeated\n",
                _runs(stages),
                pictures["repeated"],
                "## The work it leaves\n",
                _verdicts(findings.future_work),
                *(pictures[name] for name in ("rates", "networks", "decays")),
                "## Each claim\n",
                *map(detail, [*findings.observations, *findings.future_work]),
            ]
        ).rstrip("\n")
        + "\n"
    )


def detail(finding: Finding) -> str:
    """One claim with its rule."""
    claim, measured = finding.claim, finding.measured
    effect = shown(measured.effect, claim.unit)
    if measured.interval:
        effect += f" ({shown_interval(measured.interval, claim.unit)})"
    lines = [
        f"**{claim.name}. {claim.statement}** {measured.verdict.capitalize()}: {effect}.\n",
        f"- Measured: {claim.measure}.",
        f"- Against it would have been: {claim.against}.",
    ]
    if finding.remark:
        lines.append(f"- {finding.remark}")
    return "\n".join(lines) + "\n"


def _summary(findings: Findings, stages: Stages, build: str) -> str:
    verdicts = [each.measured.verdict for each in (*findings.observations, *findings.future_work)]
    count = Counter(verdicts)
    seeds = "1 seed" if stages.seeds == 1 else f"{stages.seeds} seeds"
    return f"""\
{seeds} for each candidate: {stages.trials} trials and {len(stages.runs)} repeated runs. Of \
{len(verdicts)} claims, {count["holds"]} hold, {count["does not hold"]} do not, and \
{count["inconclusive"]} are inconclusive.

Machine: {build}.

To run it again (it goes on where it was stopped):

```sh
make reproduce ARGS="--seeds {stages.seeds}"
```
"""


def _table(columns: str, rows: Iterable[Sequence[str]]) -> str:
    names = columns.split(" | ")
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _verdicts(findings: Sequence[Finding]) -> str:
    return _table(
        "name | claim | effect here | 95 % interval | the report's own | verdict",
        (
            (
                each.claim.name,
                each.claim.statement,
                shown(each.measured.effect, each.claim.unit),
                shown_interval(each.measured.interval, each.claim.unit),
                shown(each.report, each.claim.unit),
                f"**{each.measured.verdict}**",
            )
            for each in findings
        ),
    )


def _grid(stages: Stages) -> str:
    """Every candidate of the grid beside the report's own figure."""
    last = published.grid().val_accuracy[..., 0, -1]
    rows = []
    for each in rank(stages.grid, "last", stages.seeds).settings:
        rate, decay = each.parameters["learning_rate"], each.parameters["weight_decay"]
        own = last[published.RATES.index(rate), published.DECAYS.index(decay)]
        rows.append(
            [
                f"{rate:g}",
                f"{decay:g}",
                f"{each.mean:.4f}",
                shown_interval(each.interval, "accuracy"),
                f"{each.best_epoch_accuracy:.4f}",
                f"{own:.4f}",
                "yes" if each.tied else "no",
            ]
        )
    columns = "rate | decay | here | 95 % interval | best epoch | the report's own | tied"
    title = "Validation accuracy after the last epoch, mean over the seeds:"
    return f"{title}\n\n{_table(columns, rows)}"


def _runs(stages: Stages) -> str:
    ours = np.array(
        [
            (run.last.train_loss, run.last.val_loss, run.last.val_accuracy, run.test_accuracy)
            for run in stages.runs
        ]
    )
    last = published.repeated_run()[-1]
    report = [last[name] for name in ("train_loss", "val_loss", "val_accuracy")]
    figures = {
        **{str(run.seed): row for run, row in zip(stages.runs, ours, strict=True)},
        "mean": ours.mean(axis=0),
        "the report": [*report, published.TEST_ACCURACY],
    }
    rows = ((name, *(f"{each:.4f}" for each in row)) for name, row in figures.items())
    columns = "seed | training loss | validation loss | validation accuracy | test accuracy"
    return f"""\
The report's choice trained again, with seeds that no search has seen: their validation figures
were not picked for being high, and each was tested once, with its last weights.

{_table(columns, rows)}"""
