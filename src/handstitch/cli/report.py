"""handstitch report."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import DataDir, Json, Language
from handstitch.errors import printable


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
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Make the page of a run, its pictures and its model card.

    The page, report.html, is one file that can be sent to anybody: result, curves, mistakes,
    weights, settings. It takes no look at the test set: before `handstitch test` it shows the
    validation figures, and says so. The model card, README.md, is written anew as well.
    """
    from handstitch import report as reports
    from handstitch.report.languages import words
    from handstitch.runs import folder as run_folder

    folder = run_folder.newest() if path is None else path
    made = reports.make(folder, lang, out=out, data_dir=data_dir, notify=output.notice)
    if json:
        output.print_json(
            {
                "run": str(folder),
                "page": str(made.page),
                "bytes": made.page.stat().st_size,
                "pictures": [str(picture) for picture in made.pictures],
                "card": None if made.card is None else str(made.card),
                "part": made.part,
                "missing": made.missing,
            }
        )
        return
    print(f"Page: {printable(made.page)} ({made.page.stat().st_size / 1e6:.1f} MB)")
    pictures = ", ".join(picture.name for picture in made.pictures)
    print(f"Pictures beside it: {pictures or 'none'}")
    if made.card is not None:
        print(f"Model card: {printable(made.card)}")
    for each in made.missing:
        output.notice(words("en").missing[each])
    if made.part == "test":
        print("It shows the test on record.")
    else:
        print("It shows validation figures: no test of these weights is on record.")
        print(f"Test them: handstitch test {shlex.quote(printable(folder))}")
