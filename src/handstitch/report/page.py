"""The page itself: findings, pictures and words put into the template."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from handstitch._version import __version__
from handstitch.errors import printable
from handstitch.report import tables
from handstitch.report.charts import Drawings
from handstitch.report.gather import Findings
from handstitch.report.languages import Words

if TYPE_CHECKING:
    from jinja2 import Environment


def render(found: Findings, drawn: Drawings, words: Words) -> str:
    """The page as HTML: one file without a script, which fetches nothing.

    Names come from strangers. Everything that is filled in is escaped, and its control and
    bidirectional characters are written as escapes, by the environment and not by the template.
    """
    run = found.folder.resolve().name or "run"
    changed, settings = tables.settings(found, words)
    commands = tables.commands(found, words)
    return (
        _environment()
        .get_template("page.html")
        .render(
            w=words,
            found=found,
            drawn=drawn,
            version=__version__,
            title=words.title.format(run=run, dataset=tables.title_of(found.dataset)),
            headline=tables.headline(found, words),
            facts=tables.facts(found, words),
            looks=tables.looks(found, words),
            epochs=tables.epochs(found, words),
            confused=tables.confused(found),
            classes=tables.classes(found),
            calibration=tables.calibration(found, words),
            layers=tables.layers(found),
            changed=changed,
            settings=settings,
            build=tables.build(found, words),
            commands=commands.items(),
            test_command=f"{commands[words.command_test]} && {commands[words.command_report]}",
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("handstitch.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _visible(value: object) -> object:
    """A value as it may stand in the page; escaped it is after that."""
    if not isinstance(value, str) or hasattr(value, "__html__"):  # a macro's own HTML
        return value
    return value if value.isprintable() else printable(value)
