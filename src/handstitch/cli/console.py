"""What the verbs print with: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from handstitch.errors import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def notice(text: str) -> None:
    """A line for the person at the terminal, not part of the result."""
    print(f"handstitch: {printable(text)}", file=sys.stderr)


def command(words: str) -> None:
    """A command to copy, on a line of its own."""
    print(f"  {printable(words)}", file=sys.stderr)


def loud(title: str, lines: list[str]) -> None:
    """A notice that nobody can miss."""
    from rich.panel import Panel
    from rich.text import Text

    body = Text("\n".join(printable(line) for line in lines))
    console(stderr=True).print(Panel(body, title=title, border_style="bold yellow", expand=False))


def console(*, stderr: bool = False) -> Console:
    """A rich console; without a terminal it keeps to plain text and 100 columns."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 100, highlight=False)


def table(*columns: str, title: str | None = None) -> Table:
    """A table whose first column is text and whose others are numbers."""
    from rich import box
    from rich.table import Table

    made = Table(
        title=title,
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        title_justify="left",
        title_style="bold",
    )
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left", overflow="fold")
    return made


def text(value: str) -> Text:
    """A stranger's words as words: no markup, no control characters."""
    from rich.text import Text

    return Text(printable(value))


def show(renderable: Any) -> None:
    """Print a table or text on stdout."""
    console().print(renderable)


def emit(value: Any) -> None:
    """Print one JSON object on stdout."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
