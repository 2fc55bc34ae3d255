"""The page over all runs below a folder, with one script, which sorts and filters its table.

The page is whole without it. The policy allows this script by the SHA-256 of its text, no other.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from markupsafe import Markup

from handstitch import storage
from handstitch._version import __version__
from handstitch.data.catalog import TITLES
from handstitch.errors import shell_word
from handstitch.report import inline_charts, tables
from handstitch.report.collection import Collection, collect
from handstitch.report.languages import Lang, Words, words
from handstitch.report.page import environment
from handstitch.report.run_table import RunTable, address_of_page
from handstitch.runs.folder import RUNS

ALL_RUNS: Final = "runs.html"
"""Name of the page, in the folder of the runs."""
_NAMED: Final = 20
"""Most folders named in a notice."""


class WrittenCollection(NamedTuple):
    """The page that `make_all` wrote, and what it shows."""

    page: Path
    found: Collection


def make_all(
    folder: str | Path = RUNS, lang: Lang = "en", *, out: str | Path | None = None
) -> WrittenCollection:
    """Make the page over all runs below `folder`, there or in the folder `out`.

    Raises UsageError if there is none, MachineError if the page cannot be written.
    """
    found = collect(Path(folder))
    target = found.folder if out is None else Path(out)
    page = render_all(found, words(lang), target).encode()
    storage.write(storage.inside(target, ALL_RUNS), page, durable=False)
    return WrittenCollection(target / ALL_RUNS, found)


def render_all(found: Collection, said: Words, target: Path) -> str:
    """The page as HTML, to stand in the folder `target`, from which its links lead.

    Names in it are untrusted, and escaped as in `page`.
    """
    script, folder = _script(), found.folder
    typed = shell_word(tables.as_typed(folder))
    lang = tables.language_flag(said)
    table = RunTable(found.runs, said, target)
    return (
        environment()
        .get_template("all_runs.html")
        .render(
            w=said,
            version=__version__,
            title=said.all_runs["title"].format(folder=folder.resolve().name or "runs"),
            script=Markup(script),  # noqa: S704 (a file of the package; nothing is filled in)
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            facts=_facts(found, table, said),
            table=table,
            tested=sum(run.tested is not None for run in found.runs),
            searches=[
                (
                    name,
                    address_of_page(search.folder, target),
                    f"{search.plan.candidates:,}",
                    f"{search.plan.seeds:,}",
                    f"{len(search.trials):,} / {search.plan.trials:,}",
                )
                for name, search in found.searches
            ],
            problems=found.problems[:_NAMED],
            foreign=found.foreign[:_NAMED],
            left_out=len(found.problems[_NAMED:]) + len(found.foreign[_NAMED:]),
            width=inline_charts.WIDTH,
            height=inline_charts.HEIGHT,
            command=f"handstitch report --all {typed}{lang}",
        )
    )


def _script() -> str:
    """The text of the script."""
    return environment().get_template("all_runs.js").render().strip()


def _facts(found: Collection, table: RunTable, said: Words) -> list[str]:
    """How many runs of what there are, and how many of them not wholly, in sentences."""
    sentences, unread = said.all_runs["facts"], len({name for name, _ in found.problems})
    unfinished = sum(not run.is_finished for run in found.runs)
    counts = {"recipes": len(table.groups), "unfinished": unfinished, "unread": unread}
    data = ", ".join(TITLES.get(name, name) for name in table.datasets)
    return [
        sentences[name].format(n=n, runs=len(found.runs), data=data)
        for name, n in counts.items()
        if n
    ]
