"""The library never speaks of flags; the command line types its remedies, and they work."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import handstitch as package
from handstitch.cli import VERBS
from handstitch.cli.error_messages import COMMANDS, print_error, typed, wrapped
from handstitch.errors import Argument, Call, DataError, Phrase
from tests.cli.conftest import Handstitch

PACKAGE = Path(package.__file__).parent
FLAG_OR_COMMAND = re.compile(rf"(?<![\w-])--[a-z]|\bhandstitch (?:{'|'.join(VERBS)})\b")
NOT_MESSAGES = re.compile(
    r"cli/|config/precedence\.py"  # the words of the command line themselves
    # Documents, read beside a terminal:
    r"|report/(tables|all_runs|search_page)\.py|runs/model_card\.py"
)
LIBRARY = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not NOT_MESSAGES.match(path.relative_to(PACKAGE).as_posix())
]


def breaches(source: str) -> list[str]:
    """Strings but docstrings that speak of a flag or of a command."""
    tree = ast.parse(source)
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        f"{node.lineno}: {node.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and id(node) not in silent
        and isinstance(node.value, str)
        and FLAG_OR_COMMAND.search(node.value)
    ]


def called(source: str, name: str) -> list[str]:
    """The first arguments of all calls of `name`."""
    return [
        ast.literal_eval(node.args[0])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == name
        and isinstance(node.args[0], ast.Constant)
    ]


@pytest.mark.parametrize("module", LIBRARY, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_message_of_the_library_names_no_flag_and_no_command(module: Path) -> None:
    source = module.read_text("utf-8")
    assert not breaches(source)
    assert set(called(source, "Call")) <= set(COMMANDS)


@pytest.mark.parametrize(
    "source",
    [
        'raise UsageError("no", fix="choose another: --out X")',
        'fix = f"resume it: handstitch train --resume {folder}"',
        'log.warning("get them: handstitch data fetch")',
    ],
)
def test_scan_finds_planted_breach(source: str) -> None:
    assert breaches(source)
    assert not breaches(f"def f():\n    '''{source.replace('handstitch', '--out')}'''")


@pytest.mark.parametrize(
    ("part", "python", "words"),
    [
        (Argument("learning_rate", 0.0064), "learning_rate=0.0064", "--learning-rate 0.0064"),
        (Argument("hidden_sizes", (8,)), "hidden_sizes=(8,)", "--hidden 8,"),
        (Argument("stratified", False), "stratified=False", "--no-stratified"),
        (Argument("out", Path("a b")), "out='a b'", "--out 'a b'"),
        (Argument("batch_size"), "batch_size", "--batch-size"),
        (Argument("image_size", (64, 48)), "image_size=(64, 48)", "--image-size 64,48"),
        (
            Call("resume", Path("a\nb")),
            r"handstitch.resume('a\nb')",
            r"handstitch train --resume $'a\012b'",
        ),
        (
            Call("data.loading.fetch", "mnist", Argument("data_dir", "x")),
            "handstitch.data.loading.fetch('mnist', data_dir='x')",
            "handstitch data fetch mnist --data-dir x",
        ),
        (
            Call(
                "config.precedence.resolve",
                Argument("file", Path("a.toml")),
                Argument("flags", {"learning_rate": 0.5}),
            ),
            "handstitch.config.precedence.resolve(file='a.toml', flags={'learning_rate': 0.5})",
            "handstitch train --config a.toml --learning-rate 0.5",
        ),
        (Call("train"), "handstitch.train()", "handstitch train"),
    ],
)  # fmt: skip
def test_a_remedy_in_python_and_as_typed(part: Argument | Call, python: str, words: str) -> None:
    assert str(part) == python
    assert typed(part) == words


@pytest.mark.parametrize(
    "command", sorted({words for words in COMMANDS.values() if words[0] != "-"})
)
def test_every_command_is_one_of_the_command_line(command: str) -> None:
    app: Any = vars(importlib.import_module("handstitch.cli"))["app"]
    value = ["runs/train"] if command.endswith(("--resume", "--from-search")) else []
    app.parse_args(shlex.split(command)[1:] + value, print_error=False, exit_on_error=False)


@pytest.mark.parametrize(
    ("words", "before", "rest"),
    [
        (("--preset", "coarse"), "perhaps: ", ("--dataset", "sketch", "--epochs", "1")),
        (("--out", "runs/train"), "start another: ", ("--dataset", "sketch", "--epochs", "1")),
        (("--resume", "runs/train", "--epochs", "1"), "new values: handstitch train ", ()),
    ],
    ids=["preset", "out", "resume"],
)
@pytest.mark.usefixtures("trained")
def test_a_remedy_works_as_typed(
    handstitch: Handstitch, words: tuple[str, ...], before: str, rest: tuple[str, ...]
) -> None:
    failed = handstitch("train", *words)
    assert failed.code == 2
    remedy = shlex.split(failed.err.rpartition(before)[2])
    result = handstitch("train", *remedy, *rest, "--backend", "numpy", "--hidden", "4")
    assert result.code == 0, result.err


def test_the_runs_there_are_are_named_and_cut(handstitch: Handstitch) -> None:
    for number in range(7):
        folder = Path("runs", f"r{number}")
        folder.mkdir(parents=True)
        (folder / "config.toml").touch()
    for words, code in ((("test", "nosuch"), 4), (("train", "--resume", "nosuch"), 2)):
        result = handstitch(*words)
        assert result.code == code
        names = "runs/r0, runs/r1, runs/r2, runs/r3, runs/r4 and 2 more"
        assert f"fix     name one of: {names}" in result.err


def test_a_long_message_is_wrapped_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = DataError("it is bad", wanted="word " * 30, fix=Phrase("a {}", Argument("out")))
    assert print_error(error, [], debug=False) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "handstitch: error: it is bad", f"  wanted  {('word ' * 30).strip()}", "  fix     a --out"
    ]  # fmt: skip
    text = wrapped("\n".join(lines), 80)
    assert max(map(len, text.splitlines())) <= 80
    assert [line[:14] for line in text.splitlines()[-2:]] == ["          word", "  fix     a --"]
    assert wrapped("handstitch: error: " + "no " * 40, 80).splitlines()[1].startswith("  no")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")  # without colours
    print_error(error, [], debug=False)
    assert capsys.readouterr().err.splitlines() == text.splitlines()
