"""What the verbs print with: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from handstitch.errors import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_PANEL = 100
"""Columns of a notice that nobody can miss, at most."""


def notice(text: str) -> None:
    """A line for the person at the terminal, not part of the result."""
    print(f"handstitch: {printable(text)}", file=sys.stderr)


def command(words: str) -> None:
    """A command to copy, on a line of its own."""
    print(f"  {printable(words)}", file=sys.stderr)


def banner(title: str, lines: list[str]) -> None:
    """A notice that nobody can miss."""
    from rich.panel import Panel
    from rich.text import Text

    body = Text("\n".join(printable(line) for line in lines))
    to = console(stderr=True)
    width = min(to.width, _PANEL)
    to.print(Panel(body, title=title, border_style="bold yellow", expand=False), width=width)


def sketch_notice(verb: str, reason: str) -> None:
    """Say that this verb reads drawn images, as loudly as if nobody asked for them: `reason`."""
    if not reason:
        notice(f"{verb}ing on sketch, garments drawn by Handstitch: not Fashion-MNIST")
        return
    banner(
        "NOT Fashion-MNIST",
        [
            "The images are `sketch`, garments drawn by Handstitch itself.",
            f"Why: {reason}",
            "For the real data: handstitch data fetch fashion-mnist",
            f"or name a folder that has the files: handstitch {verb} --data-dir FOLDER",
        ],
    )


def console(*, stderr: bool = False) -> Console:
    """A rich console; without a terminal it keeps to plain text and breaks no line of a table."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 500, highlight=False)


def table(*columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left", overflow="fold")
    return made


def safe_text(value: str) -> Text:
    """A stranger's words as words: no markup, no control characters."""
    from rich.text import Text

    return Text(printable(value))


def show(table: Table, title: str = "") -> None:
    """Print a table on stdout, under its title."""
    made = console()
    with made.capture() as captured:
        if title:
            made.print()
            made.print(title, style="bold", markup=False)
        made.print(table)
    print("\n".join(line.rstrip() for line in captured.get().rstrip().split("\n")))


def print_json(value: Any) -> None:
    """Print one JSON object on stdout; where that is not UTF-8, with escapes."""
    import json

    from handstitch.config.messages import pretty_json

    text = pretty_json(value).decode()
    if (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8":
        text = json.dumps(json.loads(text), indent=2) + "\n"
    sys.stdout.write(text)
