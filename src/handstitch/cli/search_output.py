"""Output of a search: a line for each trial, a progress bar, the ranking and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import to_builtins
from rich.progress import MofNCompleteColumn, TextColumn

from handstitch import figures, storage
from handstitch import search as searches
from handstitch.cli import output
from handstitch.cli.progress import bar, progress
from handstitch.config.messages import format_value, plural
from handstitch.errors import DivergedError, MachineError, UsageError, printable, shell_word
from handstitch.figures import Lang
from handstitch.figures import search as drawings
from handstitch.records import Trial, best_epoch
from handstitch.search import Candidate, Ranking, Search
from handstitch.search.ranking import By, FailedCandidate, best_epoch_accuracy, finished
from handstitch.search.summary import as_flags, candidates_csv, sentences

TABLE: Final = "candidates.csv"
_VERDICTS: Final = {True: "≈", False: "lower", None: "–"}
_SHOWN: Final = 40
"""Most lines of the table; the file has them all."""


class SearchProgress:
    """Progress of a search on stderr, while `bar` is entered; `begin` and `trial` are callbacks."""

    def __init__(self) -> None:
        self.search: Search | None = None
        """As it was when this call opened it; None until then."""
        self._best = 0.0
        self.bar = bar(MofNCompleteColumn(), TextColumn("{task.fields[best]}"))
        self._task = self.bar.add_task("Trials", total=None, best="")

    def begin(self, search: Search) -> None:
        """Print what is to be trained."""
        self.search = search
        plan, done = search.plan, len(search.trials)
        if plan.config["dataset"] == "sketch":
            output.say_sketch("search", search.description.notice)
        if search.is_over:
            output.notice(f"{search.folder} is finished; there is nothing left to train")
            return
        before = f"; {done:,} finished before" if done else ""
        output.notice(
            f"{plural(plan.trials, 'trial')}: {_size(search)}, in {search.folder}{before}"
        )
        if plan.pruning != "none":
            output.notice("pruning compares trials with earlier ones: the order of trials matters")
        for trial in search.trials:
            self._count(trial)
        self.bar.update(self._task, completed=done, total=plan.trials)

    def trial(self, trial: Trial, finished: int, of: int) -> None:
        """Print a trial's line, which stays."""
        self._count(trial)
        best = f"best so far {self._best:.4f}" if self._best else ""
        self.bar.update(self._task, completed=finished, best=best)
        values = [f"{name} {format_value(value)}" for name, value in trial.parameters.items()]
        record = best_epoch(trial.history)
        said = f"Val Accuracy: {record.val_accuracy:.4f} in epoch {record.epoch}" if record else ""
        if trial.state == "failed":
            said = f"failed: {trial.problem}"
        elif trial.state == "pruned":
            said += f", pruned after {len(trial.history)}"
        named = ", ".join([f"Trial {trial.number}", *values, f"seed {trial.seed}"])
        output.notice(f"[{finished}/{of}] {named}: {said} ({trial.seconds:.1f} s)")

    def _count(self, trial: Trial) -> None:
        if trial.state == "complete":
            self._best = max(self._best, best_epoch_accuracy(trial))


def say_result(search: Search, json: bool) -> None:
    """Print the ranking. Raises DivergedError if every trial failed."""
    ranking = searches.rank(search.trials, seeds=search.plan.seeds)
    if json:
        _print_json(search, ranking)
    else:
        _print(search, ranking)
        print(f"\nStatistics, figures and {TABLE}: handstitch show {shell_word(search.folder)}")
    if 0 < ranking.trials == ranking.failed:
        first = search.trials[0]
        raise DivergedError(
            "every trial of this search failed",
            file=search.folder,
            found=f"trial {first.number}: {first.problem}",
            wanted="at least one candidate that can be trained",
            fix="search smaller learning rates, with a new --out",
        )


def show_search(folder: Path, by: By = "best", *, lang: Lang = "en", json: bool = False) -> None:
    """Print the ranking of the search in `folder`, and write it there with its figures.

    The table is written to candidates.csv and the figures to pictures/, if the folder is writable.
    Raises UsageError if it is not a search or has no finished trial.
    """
    found = searches.load(folder)
    if not found.trials:
        raise UsageError(
            "this search has no finished trial yet",
            file=folder,
            found="0 trials",
            wanted="at least one",
            fix=f"resume it: handstitch search --out {shell_word(folder)}",
        )
    ranking = searches.rank(found.trials, by, found.plan.seeds)
    with progress("Pictures"):
        written = _write(found, ranking, lang)
    if json:
        _print_json(found, ranking)
        return
    _print(found, ranking)
    print()
    output.say(*sentences(ranking))
    if ranking.importance:
        rows = ((name, f"{share:.2f}") for name, share in ranking.importance.items())
        title = "Importance: share of the variance between trials, by parameter"
        output.print_table(("parameter", "share"), rows, title)
        output.say(
            "The candidates are not a full grid: shares overlap and may add up to more than 1."
            if ranking.importance_overlaps
            else "Main effects of a full grid; the rest is due to seeds and interactions."
        )
    print()
    if written:
        output.say(f"Written to {printable(folder)}: {', '.join(written)}")
    if ranking.winner is not None:
        flag = "" if by == "best" else " --by last"
        print(f"Train the winner: handstitch train --from-search {shell_word(folder)}{flag}")


def refuse_ranking(by: By | None, target: Path) -> None:
    """Raise UsageError if --by is given with what is not a search."""
    if by is not None:
        raise UsageError(
            "--by is for searches",
            found=f"--by {by} with {target}, which is not a search",
            wanted="the folder of a search",
            fix="omit --by",
        )


def _print_json(search: Search, ranking: Ranking) -> None:
    output.print_json(
        {
            "search": str(search.folder),
            "kind": search.plan.kind,
            "pruning": search.plan.pruning,
            "planned": search.plan.trials,
            **to_builtins(ranking),
            "words": sentences(ranking),
        }
    )


def _print(search: Search, ranking: Ranking) -> None:
    """Print the table of the candidates, and what was not compared."""
    plan, done = search.plan, len(search.trials)
    drawn = " on sketch, drawn data" if plan.config["dataset"] == "sketch" else ""
    state = "" if search.is_over else f", {done:,} of {plan.trials:,} trials finished"
    output.say(f"Search: {printable(search.folder)}, {plan.kind}, {_size(search)}{state}{drawn}")
    if ranking.candidates:
        _print_table(ranking)
    every: list[Candidate | FailedCandidate] = [*ranking.candidates, *ranking.failed_candidates]
    for candidate in every:
        if candidate.problem:
            name = as_flags(candidate.parameters)
            output.say(f"Not compared: {name}: {printable(candidate.problem)}")


def _print_table(ranking: Ranking) -> None:
    """Print a line for each candidate.

    Every parameter has a column; where the terminal is too narrow for that, all share the last.
    """
    shown, left = ranking.candidates[:_SHOWN], len(ranking.candidates) - _SHOWN
    has_intervals = any(candidate.interval for candidate in ranking.candidates)
    epochs = ["best\nepoch", "last\nepoch"][:: 1 if ranking.by == "best" else -1]
    heads = (epochs[0], "95 %\ninterval" if has_intervals else "sd of\nseeds", epochs[1])
    names = list(shown[0].parameters)
    lines = [
        (
            output.marked("highest", "best")
            if one.number == ranking.winner
            else _VERDICTS[one.indistinguishable],
            f"{one.mean:.4f}",
            f"± {one.interval[1] - one.mean:.4f}"
            if one.interval
            else "–"
            if one.deviation is None or has_intervals
            else f"{one.deviation:.4f}",
            f"{one.last_epoch_accuracy if ranking.by == 'best' else one.best_epoch_accuracy:.4f}",
        )
        for one in shown
    ]
    columns = ("", *(name.replace("_", "\n") for name in names), *heads)
    rows = [
        (label, *(format_value(one.parameters.get(name)) for name in names), *cells)
        for one, (label, *cells) in zip(shown, lines, strict=True)
    ]
    is_narrow = not output.fits(columns, rows)
    if is_narrow:
        columns = ("", *heads, "parameters")
        rows = [(*line, as_flags(one.parameters)) for one, line in zip(shown, lines, strict=True)]
    title = "Mean validation accuracy (≈ indistinguishable from the highest)"
    output.print_table(columns, rows, title, last_is_words=is_narrow)
    if left > 0:
        print(f"… and {left:,} more in {TABLE}")


def _size(search: Search) -> str:
    plan = search.plan
    return f"{plural(plan.candidates, 'candidate')} × {plural(plan.seeds, 'seed')}"


def _write(search: Search, ranking: Ranking, lang: Lang) -> list[str]:
    """Write table and pictures; return their names. A folder that is not writable is no error."""
    histories = {
        number: [trial.history for trial in trials.values()]
        for number, trials in finished(search.trials).items()
    }
    lang = figures.png_language(lang)
    drawn = drawings.all_of(ranking.candidates, histories, list(search.plan.parameters), lang)
    pictures = {f"pictures/{name}.png": figures.png(figure) for name, figure in drawn.items()}
    names = []
    for name, content in {TABLE: candidates_csv(ranking).encode(), **pictures}.items():
        try:
            storage.write(storage.inside(search.folder, name), content, durable=False)
        except MachineError as error:
            output.notice(f"{name} is not written: {error.problem}")
        else:
            names.append(name)
    return names
