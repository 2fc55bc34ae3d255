"""The reference pages, generated from the code that they describe."""

from __future__ import annotations

import inspect
import re
from typing import Any

import handstitch
from handstitch import errors
from handstitch.cli import app
from handstitch.config import Config, precedence
from handstitch.config.messages import valid_values
from handstitch.config.presets import PRESETS
from handstitch.config.schema import field_types, help_of
from handstitch.data.catalog import CLASS_NAMES
from handstitch.runs import folder as run_folder

API = {
    "Start here": [
        "handstitch",
        "handstitch.config.schema",
        "handstitch.model.classifier",
        "handstitch.runs.start",
        "handstitch.runs.run",
        "handstitch.runs.folder",
    ],
    "The book": [
        "handstitch.core",
        "handstitch.core.blas",
        "handstitch.core.activations",
        "handstitch.core.functions",
        "handstitch.core.parameters",
        "handstitch.core.network",
        "handstitch.core.update_rules",
        "handstitch.core.optimizers",
        "handstitch.receptive_fields",
    ],
    "Data": [
        "handstitch.data.dataset",
        "handstitch.data.samples",
        "handstitch.data.labels",
        "handstitch.data.loading",
        "handstitch.data.catalog",
        "handstitch.data.idx",
        "handstitch.data.sketch",
        "handstitch.data.splits",
        "handstitch.data.scaling",
        "handstitch.data.augmentation",
        "handstitch.data.batches",
    ],
    "Training": [
        "handstitch.training.trainer",
        "handstitch.training.callbacks",
        "handstitch.training.tensorboard",
        "handstitch.training.translation",
        "handstitch.training.state",
        "handstitch.training.backend",
        "handstitch.training.schedules",
        "handstitch.training.footprint",
    ],
    "Models and runs": [
        "handstitch.model",
        "handstitch.model.course_npz",
        "handstitch.export",
        "handstitch.runs.test_log",
    ],
    "Measurement": [
        "handstitch.evaluation",
        "handstitch.gradcheck",
        "handstitch.benchmark",
    ],
    "Insight, figures and search": [
        "handstitch.doctor",
        "handstitch.insight",
        "handstitch.figures",
        "handstitch.report",
        "handstitch.search",
        "handstitch.comparison",
    ],
    "The ground": [
        "handstitch.errors",
        "handstitch.records",
        "handstitch.arrays",
        "handstitch.randomness",
        "handstitch.machine",
        "handstitch.storage",
    ],
}
"""Section of the reference → its modules: every room but the command line and the numba backend."""


def pages() -> dict[str, str]:
    """Place in the site → content."""
    return {
        "reference/commands.md": commands(),
        "reference/settings.md": settings(),
        "reference/files.md": files(),
        "reference/errors.md": exit_codes(),
        "reference/api.md": api(),
    }


def commands() -> str:
    """Every verb with its flags, as `--help` has them."""
    said = app.generate_docs(output_format="markdown", include_hidden=False)
    # The library writes a table of contents, which the site has beside the page, and a title.
    body = said[said.index("\n## handstitch") :]
    for verb in re.findall(r"^## handstitch ([a-z]+)$", body, re.MULTILINE):
        command = app[verb].default_command
        text = inspect.cleandoc(command.__doc__ or "") if command else ""
        first, _, more = text.partition("\n\n")
        if more:
            said_first = re.sub(r"\s+", " ", first)
            body = body.replace(f"\n{said_first}\n", f"\n{said_first}\n\n{more}\n", 1)
    listed = "\n".join(
        f"| [`{verb}`](#handstitch-{verb}) | {_cell(app[verb].help)} |"
        for verb in (name for name in app if not name.startswith("-"))
    )
    return (
        "# Commands\n\nGenerated from the command line; `handstitch VERB --help` says the same."
        f"\n\n| verb | what it does |\n|---|---|\n{listed}\n{body}"
    )


def settings() -> str:
    """Every setting: its flags, valid values, and its value in each preset."""
    presets = {name: Config.preset(name).to_dict() for name in PRESETS}
    head = ["setting and flag", "meaning and valid values", *(f"`{name}`" for name in presets)]
    lines = [_row(head), _row(["---"] * len(head))]
    for name in field_types():
        values = [f"`{_value(preset[name])}`" for preset in presets.values()]
        flags = ", ".join(f"`{flag}`" for flag in precedence.flags_of(name))
        named = f"`{name}`<br>{flags}"
        lines.append(
            _row([named, f"{help_of(name)}<br>*{valid_values(field_types()[name])}*", *values])
        )
    return (
        "# Settings\n\n"
        "One table for the command line, TOML files, variables and "
        "`handstitch.Config`. A setting's key in a file is its name here, its variable that name "
        "in capitals behind `HANDSTITCH_`: `learning_rate` is `HANDSTITCH_LEARNING_RATE`. Flags "
        "take precedence over variables, these over `--config FILE`, then `--preset`, then the "
        "defaults. The last columns are the presets; `default` is the defaults.\n\n"
        + "\n".join(lines)
        + "\n"
    )


def files() -> str:
    """The files of a run folder, and the fields of the records in them."""
    return "\n\n".join(
        [
            "# Files of a run",
            "The folder that `handstitch train` creates:",
            f"```text\n{_after_first_line(run_folder)}\n```",
            "## A line of history.csv",
            "::: handstitch.records.EpochRecord",
            "## summary.json",
            "::: handstitch.records.RunSummary",
            "## What `handstitch test --json` prints",
            "::: handstitch.records.Evaluation",
            "::: handstitch.records.ClassScore",
            "## The classes",
            *(f"- `{name}`: {', '.join(names)}" for name, names in sorted(CLASS_NAMES.items())),
        ]
    )


def exit_codes() -> str:
    """The tree of errors."""
    tree = inspect.cleandoc(errors.__doc__ or "").split("\n\n", 1)[1]
    drawn, _, more = tree.rpartition("\n\n")
    drawn = inspect.cleandoc(drawn)
    return (
        "# Errors and exit codes\n\nEvery error that is raised on purpose, and the exit code "
        f"of a command that it ends; 0 is success.\n\n```text\n{drawn}\n```\n\n{more}\n"
    )


def api() -> str:
    """The modules that a program may call, from their docstrings."""
    offered = ", ".join(f"`{name}`" for name in handstitch.__all__)
    opening = (
        f"# Python\n\nGenerated from the docstrings. `import handstitch` offers {offered}; "
        "everything below is public too, and is what those few are built of."
    )
    parts = [opening]
    for title, modules in API.items():
        parts.append(f"## {title}")
        parts.extend(f"::: {module}\n    options:\n      heading_level: 3" for module in modules)
    return "\n\n".join(parts) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _after_first_line(module: Any) -> str:
    return inspect.cleandoc(module.__doc__ or "").split("\n\n", 1)[1]
