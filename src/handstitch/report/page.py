"""The page as HTML: contents, charts and words put into the template."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from handstitch._version import __version__
from handstitch.data.catalog import TITLES
from handstitch.errors import printable
from handstitch.report import tables
from handstitch.report.charts import Charts
from handstitch.report.gather import RunContents
from handstitch.report.languages import Words


def render(run: RunContents, charts: Charts, words: Words) -> str:
    """The page as HTML: one file without scripts and external resources.

    Names in it are untrusted. The environment, not the template, escapes everything that is filled
    in, and writes control and bidirectional characters as escape sequences.
    """
    name = run.folder.resolve().name or "run"
    changed, settings = tables.settings(run.config.to_dict(), words)
    commands = tables.commands(run, words)
    return (
        environment()
        .get_template("page.html")
        .render(
            w=words,
            run=run,
            charts=charts.named,
            reasons=charts.reasons,
            structure=charts.structure,
            version=__version__,
            title=words.title.format(run=name, dataset=TITLES.get(run.dataset, run.dataset)),
            headline=tables.headline(run, words),
            facts=tables.facts(run, words),
            test_log=tables.test_log(run, words),
            epochs=tables.epochs(run, words),
            confused=tables.confused(run, words),
            classes=tables.classes(run, words),
            calibration=tables.calibration(run, words),
            layers=tables.layers(run),
            changed=changed,
            settings=settings,
            build=tables.build(run, words),
            commands=commands.items(),
            test_command=f"{commands[words.command_test]} && {commands[words.command_report]}",
        )
    )


@cache
def environment() -> Environment:
    """The templates, whose values are escaped, invisible characters included."""
    return Environment(
        loader=PackageLoader("handstitch.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _visible(value: object) -> object:
    """A value with its invisible characters written as escape sequences; HTML escaping follows."""
    if not isinstance(value, str) or hasattr(value, "__html__"):  # a macro's own HTML
        return value
    return value if value.isprintable() else printable(value)
