"""handstitch report: the page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import DataDir, Dataset, Json, Language
from handstitch.cli.progress import progress
from handstitch.errors import printable, shell_word


def report(
    path: Annotated[
        Path | None, Parameter(help="run folder", show_default="the newest run")
    ] = None,
    /,
    *,
    lang: Language = "en",
    out: Annotated[
        Path | None,
        Parameter(help="folder for page and pictures", show_default="the run's own"),
    ] = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Make the page of a run, its pictures and its model card.

    The page, report.html, is a single file: result, curves, mistakes, weights, settings. It does
    not evaluate the test set: before `handstitch test` it shows validation figures, and says so.
    The model card, README.md, is updated as well.
    """
    from handstitch import report as reports
    from handstitch.report.languages import words
    from handstitch.runs import folder as run_folder

    folder = run_folder.newest() if path is None else path
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
    print(f"Page: {printable(written.page)} ({written.page.stat().st_size / 1e6:.1f} MB)")
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
