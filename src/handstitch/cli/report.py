"""handstitch report: the page of a run or a search, or over all runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import FLAGS, DataDir, Dataset, Json, Language, RankBy, exclusive
from handstitch.cli.progress import progress
from handstitch.config.messages import plural
from handstitch.errors import UsageError, listed, printable, shell_word

# The page over all runs opens no data.
_DATA: Final = (exclusive("--all", "--dataset"), exclusive("--all", "--data-dir"))


def report(
    path: Annotated[
        Path | None,
        Parameter(
            help="run or search; with --all, a folder of runs",
            show_default="the newest run; with --all, runs",
        ),
    ] = None,
    /,
    *,
    every: Annotated[
        bool,
        Parameter(
            name="--all",
            group=(FLAGS, *_DATA),
            negative=(),
            show_default=False,
            help="one page over all runs below the folder: runs.html",
        ),
    ] = False,
    lang: Language = "en",
    by: RankBy = None,
    out: Annotated[
        Path | None,
        Parameter(help="folder for page and pictures", show_default="the run's own"),
    ] = None,
    dataset: Annotated[Dataset, Parameter(group=(FLAGS, _DATA[0]))] = None,
    data_dir: Annotated[DataDir, Parameter(group=(FLAGS, _DATA[1]))] = None,
    json: Json = False,
) -> None:
    """Make the page of a run, its pictures and its model card; of a search; or over all runs.

    The page, report.html, is a single file: result, curves, mistakes, weights, settings. It does
    not evaluate the test set: before `handstitch test` it shows validation figures, and says so.
    The model card, README.md, is updated as well. The page of a search says first what is
    inconclusive, then ranking, effects and curves. With --all one page, runs.html, has a line for
    each run below the folder, and the mean over the seeds of each recipe.
    """
    from handstitch import report as reports
    from handstitch.cli.search_output import refuse_ranking
    from handstitch.report.languages import words
    from handstitch.runs import folder as run_folder
    from handstitch.search.folder import is_search

    if every:
        folder = run_folder.RUNS if path is None else path
        refuse_ranking(by, folder)
        _report_all(folder, lang, out, json)
        return
    folder = run_folder.newest() if path is None else path
    if is_search(folder):
        if dataset is not None or data_dir is not None:
            raise UsageError(
                "the page of a search opens no data",
                file=folder,
                found=" and ".join(
                    flag
                    for flag, value in {"--dataset": dataset, "--data-dir": data_dir}.items()
                    if value is not None
                ),
                wanted="the folder of the search alone",
                fix=f"handstitch report {shell_word(folder)}",
            )
        _report_search(folder, lang, by or "best", out, json)
        return
    refuse_ranking(by, folder)
    with progress("Page"):
        written = reports.make(folder, lang, out=out, data_dir=data_dir, dataset=dataset)
    if json:
        output.print_json(
            {
                "run": str(folder),
                "page": str(written.page),
                "bytes": written.page.stat().st_size,
                "pictures": [str(picture) for picture in written.pictures],
                "card": None if written.card is None else str(written.card),
                "part": written.part,
                "missing": written.missing,
            }
        )
        return
    output.print_page(written.page)
    print("Pictures beside it:", ", ".join(path.name for path in written.pictures) or "none")
    if written.card is not None:
        print(f"Model card: {printable(written.card)}")
    for item in written.missing:
        output.notice(words("en").missing[item])
    if {"data", "other data"} & set(written.missing):
        output.notice("name their path, or for published data the folder with --data-dir:")
        output.command(output.command_line("report", folder, dataset="PATH"))
    if written.part == "test":
        print("It shows the last test of these weights.")
    else:
        shown = "validation figures" if written.part else "no accuracy"
        print(f"It shows {shown}: these weights have not been tested.")
        print(f"Test them: handstitch test {shell_word(folder)}")


def _report_search(
    folder: Path, lang: Language, by: Literal["best", "last"], out: Path | None, json: bool
) -> None:
    """Make the page of a search, and say what is inconclusive."""
    from handstitch.report import make_search
    from handstitch.search.summary import sentences

    page, table, _, ranking = make_search(folder, lang, by, out=out)
    if json:
        output.print_json(
            {
                "search": str(folder),
                "page": str(page),
                "bytes": page.stat().st_size,
                "table": str(table),
                "winner": ranking.winner,
                "indistinguishable": ranking.indistinguishable,
            }
        )
        return
    output.print_page(page)
    print(sentences(ranking)[0])


def _report_all(folder: Path, lang: Language, out: Path | None, json: bool) -> None:
    """Make the page over all runs below a folder, and name what could not be read."""
    from handstitch.report import make_all

    page, found = make_all(folder, lang, out=out)
    unfinished = sum(not run.is_finished for run in found.runs)
    if json:
        output.print_json(
            {
                "folder": str(folder),
                "page": str(page),
                "bytes": page.stat().st_size,
                "runs": [run.name for run in found.runs],
                "unfinished": unfinished,
                "searches": [name for name, _ in found.searches],
                "problems": [{"path": name, "problem": text} for name, text in found.problems],
                "foreign": found.foreign,
            }
        )
        return
    output.print_page(page)
    state = f" ({unfinished:,} not finished)" if unfinished else ""
    folders = f", and {plural(len(found.searches), 'folder')} of searches" if found.searches else ""
    print(f"It shows {plural(len(found.runs), 'run')}{state}{folders}")
    for name, text in found.problems:
        output.notice(f"{name}: {text}")
    if found.foreign:
        output.notice(f"neither a run nor a search: {listed(found.foreign)}")
