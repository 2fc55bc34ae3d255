"""Terminal output: results on stdout, everything else on stderr."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from handstitch.errors import UsageError, printable, shell_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

_BOX_WIDTH = 100


def notice(text: str, program: str = "handstitch") -> None:
    """Print a line for the user on stderr."""
    # stderr as it is now: rich replaces it while a bar is shown.
    print(f"{program}: {printable(text)}", file=sys.stderr)


class _NoticeHandler(logging.Handler):
    """Log handler: a record becomes a notice of its package."""

    def emit(self, record: logging.LogRecord) -> None:
        notice(record.getMessage(), record.name.partition(".")[0])


@contextmanager
def log_notices(package: str = "handstitch") -> Iterator[None]:
    """A context in which what `package` logs, from level INFO on, is printed as notices."""
    logger, handler = logging.getLogger(package), _NoticeHandler()
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False  # or a handler of the calling program would print it again
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def command(words: str) -> None:
    """Print a command to copy, on its own line of stderr."""
    print(f"  {printable(words)}", file=sys.stderr)


def command_line(verb: str, *words: object, **flags: object) -> str:
    """A command as it can be typed. A flag that is None or False is left out, True is a switch."""
    from handstitch.config.precedence import flags_of

    parts = ["handstitch", verb, *(shell_word(word) for word in words)]
    for name, value in flags.items():
        if value is None or value is False:
            continue
        parts.append(flags_of(name)[0])
        if value is not True:
            values = value if isinstance(value, (list, tuple)) else [value]
            parts += [shell_word(one) for one in values]
    return " ".join(parts)


def percent(p: float) -> str:
    """A probability in percent, that is 0 or 100 only where it is."""
    if 0.9995 <= p < 1:
        return ">99.9 %"
    return "<0.1 %" if 0 < p < 0.0005 else f"{100 * p:.1f} %"


def require_page(out: Path) -> None:
    """Raise UsageError unless this is the name of a page, which ends in .html."""
    if out.suffix.lower() != ".html":
        raise UsageError(
            "unknown format of a page",
            found=f"--out {out}",
            wanted="a name that ends in .html",
            fix=f"--out {out.with_suffix('.html') if out.name else 'page.html'}",
        )


def say_other_data(trained_on: str, dataset: str) -> None:
    """Say so if a network is used on another data set than it was trained on."""
    if dataset != trained_on:
        notice(f"the network was trained on {trained_on}, these samples are of {dataset}")


def say_sketch(verb: str, reason: str) -> None:
    """Say on stderr that `verb` uses drawn images; in a box if `reason` says why they stand in."""
    from rich.panel import Panel
    from rich.text import Text

    if not reason:
        notice(f"{verb}ing on sketch, garments drawn by Handstitch: not Fashion-MNIST")
        return
    text = Text(
        "The images are `sketch`, garments drawn by Handstitch itself.\n"
        f"Why: {printable(reason)}\n"
        "For the real data: handstitch data fetch fashion-mnist\n"
        f"or name a folder that has the files: handstitch {verb} --data-dir FOLDER"
    )
    box = Panel(text, title="NOT Fashion-MNIST", border_style="bold yellow", expand=False)
    to = console(stderr=True)
    to.print(box, width=min(to.width, _BOX_WIDTH))


def console(*, stderr: bool = False) -> Console:
    """A rich console; without a terminal, plain text and no line breaks in a table."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 500, highlight=False)


def table(heads: Sequence[str], rows: Iterable[Iterable[str]], words: int = 1) -> Table:
    """A table with `words` columns of text, then columns of numbers.

    Cells are untrusted text: no markup, no control characters.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    result = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, head in enumerate(heads):
        result.add_column(head, justify="left" if number < words else "right", overflow="fold")
    for row in rows:
        result.add_row(*(Text(printable(cell)) for cell in row))
    return result


def show(table: Table, title: str = "") -> None:
    """Print a table on stdout, with its title."""
    stdout = console()
    with stdout.capture() as captured:
        if title:
            stdout.print(f"\n{title}", style="bold", markup=False)
        stdout.print(table)
    print("\n".join(line.rstrip() for line in captured.get().rstrip().split("\n")))


def print_table(
    heads: Sequence[str], rows: Iterable[Iterable[str]], title: str = "", words: int = 1
) -> None:
    """Print a `table` on stdout, with its title."""
    show(table(heads, rows, words), title)


def print_json(value: Any) -> None:
    """Print one JSON object on stdout; escaped what `printable` escapes and stdout cannot show."""
    import json
    import re

    from handstitch.config.messages import pretty_json

    is_utf8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"

    def escaped(match: re.Match[str]) -> str:
        is_text = is_utf8 and printable(match[0]) == match[0]
        return match[0] if is_text else json.dumps(match[0])[1:-1]

    sys.stdout.write(re.sub(r"[^ -~\n]", escaped, pretty_json(value).decode()))
