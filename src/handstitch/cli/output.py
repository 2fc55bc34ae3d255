"""Terminal output: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Literal

from handstitch.errors import UsageError, printable, shell_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console
    from rich.text import Text

_BOX_WIDTH = 100
_COLOURED = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Variables by which rich takes what is no terminal for one."""
_GAP = 3
"""Columns of the terminal between two of a table."""
Mark = Literal["best", "wrong", "error", "title"]
_STYLES: dict[Mark, str] = {
    "best": "bold green", "wrong": "bold red", "error": "bold red", "title": "bold"
}  # fmt: skip


def notice(text: str, program: str = "handstitch") -> None:
    """Print a line for the user on stderr."""
    # stderr as it is now: rich replaces it while a bar is shown.
    print(f"{program}: {printable(text)}", file=sys.stderr)


def say(*sentences: str) -> None:
    """Print sentences on stdout, broken between words on a terminal."""
    import textwrap

    width = console().width
    for sentence in sentences:
        print(textwrap.fill(sentence, width, break_long_words=False, break_on_hyphens=False))


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


def require_page(file: Path) -> None:
    """Raise UsageError unless the name of a page to write ends in .html."""
    if file.suffix.lower() != ".html":
        raise UsageError(
            "unknown format of a page",
            found=f"--out {file}",
            wanted="a name that ends in .html",
            fix=f"--out {file.with_suffix('.html') if file.name else 'page.html'}",
        )


def print_page(file: Path) -> None:
    """Print the name and size of a page that was written."""
    print(f"Page: {printable(file)} ({file.stat().st_size / 1e6:.1f} MB)")


def shortened(text: str, width: int) -> str:
    """Untrusted text on at most so many characters, with … for what is left out."""
    text = printable(text)
    return text if len(text) <= width else f"{text[: width - 1]}…"


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


def marked(text: str, mark: Mark) -> Text:
    """Text in its colour, which a terminal shows: what it means stands in the text, too."""
    from rich.text import Text

    return Text(printable(text), _STYLES[mark])


def painted(text: str, mark: Mark, *, stderr: bool = False) -> str:
    """`text` in its colour; as it is without a terminal, or with NO_COLOR."""
    stream = sys.stderr if stderr else sys.stdout
    if not stream.isatty() and os.environ.keys().isdisjoint(_COLOURED):
        return printable(text)
    to = console(stderr=stderr)
    with to.capture() as captured:
        to.print(marked(text, mark), end="", soft_wrap=True)
    return captured.get()


def print_table(
    heads: Sequence[str],
    rows: Iterable[Iterable[str | Text]],
    title: str = "",
    words: int = 1,
    last_is_words: bool = False,
) -> None:
    """Print a table on stdout: `words` columns of text, then columns of numbers.

    Lines are broken between words only; where the terminal is too narrow for that, each row stands
    on lines of its own. Cells are untrusted text: no markup, no control characters.
    """
    from rich.text import Text

    stdout, cells = console(), [_texts(row) for row in rows]
    widths, last = _widths(heads, cells, stdout.width), len(heads) - 1
    is_left = [n < words or (last_is_words and n == last) for n in range(len(heads))]
    lines = [Text(), marked(title, "title")] if title else []
    if widths is not None:
        head = [Text(head, "bold") for head in heads]
        lines += _lines(head, widths, is_left, is_head=True)
        lines.append(Text("─" * (sum(widths) + _GAP * last)))
    else:
        cells = _stacked(heads, cells)
        widths = _widths(("", ""), cells, stdout.width)
        if widths is None:  # a single word is wider than the terminal: it is folded
            name_width = _least(("", ""), cells, None)[0]
            widths = [name_width, max(1, stdout.width - _GAP - name_width)]
        is_left = [True, True]
    for row in cells:
        lines += _lines(row, widths, is_left)
    with stdout.capture() as captured:
        for line in lines:
            stdout.print(line, soft_wrap=line.plain != title)
    print("\n".join(line.rstrip() for line in captured.get().rstrip().split("\n")))


def _lines(
    row: Sequence[Text], widths: Sequence[int], is_left: Sequence[bool], *, is_head: bool = False
) -> Iterator[Text]:
    """The lines of a row, each cell broken between words; the last ones of a head are full."""
    from rich.text import Text

    wrapped = [[*cell.wrap(console(), width)] for cell, width in zip(row, widths, strict=True)]
    height = max(map(len, wrapped))
    for number in range(height):
        line = Text()
        for cell, width, left in zip(wrapped, widths, is_left, strict=True):
            at = number - (height - len(cell)) * is_head
            part = cell[at] if 0 <= at < len(cell) else Text()
            part.rstrip()
            part.align("left" if left else "right", width)
            line.append_text(part if not line else Text(" " * _GAP).append_text(part))
        yield line


def fits(heads: Sequence[str], rows: Iterable[Iterable[str | Text]]) -> bool:
    """Whether a terminal of this width has room for the table without breaking a line."""
    cells = [_texts(row) for row in rows]
    return sum(_least(heads, cells, "\n")) + _GAP * (len(heads) - 1) <= console().width


def _stacked(heads: Sequence[str], rows: Sequence[Sequence[Text]]) -> list[list[Text]]:
    """A line (head, cell) for each cell that says something, and an empty one between the rows."""
    names = _texts(head.replace("\n", " ") for head in heads)
    lines: list[list[Text]] = []
    for row in rows:
        lines += [_texts(("", ""))] if lines else []
        lines += ([name, cell] for name, cell in zip(names, row, strict=True) if cell)
    return lines


def _texts(cells: Iterable[str | Text]) -> list[Text]:
    from rich.text import Text

    return [Text(printable(cell)) if isinstance(cell, str) else cell for cell in cells]


def _widths(heads: Sequence[str], rows: Sequence[Sequence[Text]], width: int) -> list[int] | None:
    """A width for each column: the widest lose first, no one below its longest word.

    None where that is too wide.
    """
    widths, least = _least(heads, rows, "\n"), _least(heads, rows, None)
    room = width - _GAP * (len(heads) - 1)
    while sum(widths) > room:
        spare = [now - word and now for now, word in zip(widths, least, strict=True)]
        if not any(spare):
            return None
        widths[spare.index(max(spare))] -= 1
    return widths


def _least(
    heads: Sequence[str], rows: Sequence[Sequence[Text]], separator: str | None
) -> list[int]:
    """The width of each column's longest line, or with None of its longest word."""
    from rich.cells import cell_len

    columns = zip(heads, *([cell.plain for cell in row] for row in rows), strict=True)
    return [
        max([1, *(cell_len(part) for cell in column for part in cell.split(separator))])
        for column in columns
    ]


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
