"""Every command in the documentation is valid for the command line."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handstitch.config import precedence
from handstitch.config.schema import field_types

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    page
    for page in [
        ROOT / "README.md",
        ROOT / "README.zh-CN.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]
    if page.exists()
]
BLOCK = re.compile(r"^ *```(?:sh|bash|shell|console) *\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
OPERATORS = {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "|&", "&>"}


def commands(page: str) -> Iterator[list[str]]:
    """The words of each command in the shell blocks of a page.

    A line continued by a backslash is one line; comments, prompts and `NAME=value` in front are
    left out; `a && b`, `a | b` and `a; b` are two commands; where a file is redirected, the
    command ends.
    """
    for block in BLOCK.findall(page):
        for line in block.replace("\\\n", " ").splitlines():
            reader = shlex.shlex(line, posix=True, punctuation_chars=True)
            reader.whitespace_split = True
            words: list[str] = []
            redirected = False
            for word in [*reader, ";"]:
                if word not in OPERATORS:
                    if not redirected:
                        words.append(word)
                elif set(word) & set("<>"):
                    redirected = True
                else:
                    redirected = False
                    while words and re.match(r"[$#%]$|\w+=", words[0]):
                        del words[0]
                    if words:
                        yield words
                    words = []


def named(program: str, page: str) -> list[list[str]]:
    """The arguments of each command that starts `program`."""
    return [words[1:] for words in commands(page) if Path(words[0]).name == program]


def found_in_pages(program: str) -> list[Any]:
    return [
        pytest.param(words, id=f"{page.name}: {program} {' '.join(words)}")
        for page in PAGES
        for words in named(program, page.read_text("utf-8"))
    ]


def unique(parameters: list[Any]) -> list[Any]:
    return list({parameter.id: parameter for parameter in parameters}.values())


def parse(words: list[str]) -> None:
    """Raise unless the command line takes these words. Nothing is run."""
    app: Any = vars(importlib.import_module("handstitch.cli"))["app"]
    command, bound, *_ = app.parse_args(words, print_error=False, exit_on_error=False)
    # Settings arrive as words; the verb converts them.
    given = {**bound.arguments, **bound.arguments.get("settings", {})}
    settings = {name: value for name, value in given.items() if name in field_types()}
    if command is not None and command.__name__ in {"train", "config", "gradcheck"}:
        flags = precedence.read_flags(settings)
        precedence.resolve(flags, preset=given.get("preset"), environment={})


def command_line_exists() -> bool:
    return hasattr(importlib.import_module("handstitch.cli"), "app")


needs_command_line = pytest.mark.skipif(
    not command_line_exists(), reason="there is no command line yet"
)


@needs_command_line
@pytest.mark.parametrize("words", unique(found_in_pages("handstitch")))
def test_command_line_takes(words):
    parse(words)


@pytest.mark.parametrize("words", unique(found_in_pages("make")))
def test_makefile_has(words):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in words:
        assert "=" in target or re.search(rf"^{target}:", makefile, re.MULTILINE)


@needs_command_line
@pytest.mark.parametrize(
    "words", [["trian"], ["train", "--learning-rat", "0.1"], ["train", "--epochs", "many"]]
)
def test_planted_mistake_is_refused(words):
    import cyclopts

    from handstitch.errors import HandstitchError

    with pytest.raises((cyclopts.CycloptsError, HandstitchError)):
        parse(words)


def test_commands_are_found():
    page = """
Text with `handstitch nothing`.

```sh
# handstitch comment
$ handstitch train --epochs 3 \\
    --seed 1   # why
HANDSTITCH_SEED=1 .venv/bin/handstitch test runs/train --json > out.json && make test
handstitch config | head -3; handstitch doctor
```

```python
handstitch = 1
```

   ```console
   $ handstitch show 'a b'
   ```
"""
    assert named("handstitch", page) == [
        ["train", "--epochs", "3", "--seed", "1"],
        ["test", "runs/train", "--json"],
        ["config"],
        ["doctor"],
        ["show", "a b"],
    ]
    assert named("make", page) == [["test"]]
