"""Each equation's pointer leads to the line that is quoted, in the function that is named."""

from __future__ import annotations

import ast
import doctest
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / "derivation.md", ROOT / "docs" / "zh" / "derivation.md"]
POINTER = re.compile(
    r"\[`(?P<said>[\w/]+\.py)`[^\d\]]*(?P<line>\d+)[^`\]]*(?:`(?P<function>[\w.]+)`)?[^\]]*\]"
    r"\((?P<path>[./]+src/handstitch/[\w/]+\.py)#L(?P<anchor>\d+)\)[:：]\n\n"
    r"```python\n(?P<quoted>.*?)```",
    re.DOTALL,
)


class Pointer(NamedTuple):
    """A line of the source, as a page quotes it."""

    file: Path
    said: str
    line: int
    anchor: int
    function: str
    quoted: str


def pointers(page: str, folder: Path) -> list[Pointer]:
    return [
        Pointer(
            file=(folder / found["path"]).resolve(),
            said=found["said"],
            line=int(found["line"]),
            anchor=int(found["anchor"]),
            function=found["function"] or "",
            quoted=found["quoted"],
        )
        for found in POINTER.finditer(page)
    ]


def wrong(pointer: Pointer) -> str:
    """The fault of a pointer; empty if there is none."""
    if not pointer.file.is_file() or not str(pointer.file).endswith(f"/{pointer.said}"):
        return f"there is no {pointer.said} there"
    if pointer.line != pointer.anchor:
        return f"says line {pointer.line} and leads to line {pointer.anchor}"
    source = pointer.file.read_text("utf-8")
    quoted = pointer.quoted.rstrip("\n").split("\n")
    lines = source.split("\n")
    found = [
        number
        for number in range(1, len(lines) + 1)
        if textwrap.dedent("\n".join(lines[number - 1 : number - 1 + len(quoted)])).split("\n")
        == quoted
    ]
    if pointer.line not in found:
        return f"line {pointer.line} is another; what is quoted stands in line {found or 'none'}"
    if pointer.function:
        spans = dict(functions(ast.parse(source)))
        first, last = spans.get(pointer.function, (0, 0))
        if not first <= pointer.line <= pointer.line + len(quoted) - 1 <= last:
            return f"line {pointer.line} is not in {pointer.function}"
    return ""


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, tuple[int, int]]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield prefix + child.name, (child.lineno, child.end_lineno or 0)
            yield from functions(child, f"{prefix}{child.name}.")


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=str)
def test_pointers_are_true(page: Path):
    text = page.read_text("utf-8")
    found = pointers(text, page.parent)
    assert len(found) >= 20
    assert len(found) == len(re.findall(r"#L\d+\)", text))  # none escapes the pattern
    assert not [(pointer.said, pointer.line, wrong(pointer)) for pointer in found if wrong(pointer)]


def test_every_equation_of_the_backward_pass_is_pointed_at():
    page = PAGES[0]
    lines = {
        (pointer.said, pointer.line + more)
        for pointer in pointers(page.read_text("utf-8"), page.parent)
        for more in range(pointer.quoted.count("\n"))
    }
    source = (ROOT / "src/handstitch/core/network.py").read_text("utf-8").split("\n")
    (start,) = (n for n, line in enumerate(source, 1) if line.startswith("    def backward("))
    products = {n for n in range(start, start + 20) if "gemm(" in source[n - 1]}
    assert len(products) == 3
    assert products <= {line for said, line in lines if said == "core/network.py"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gemm(1, A, W, 1, Z)", "gemm(1, A, W, 0, Z)", "is another"),
        ("in `Network.forward`", "in `Network.backward`", "is not in Network.backward"),
        ("#L{line})", "#L{next})", "leads to line {next}"),
        ("line {line},", "line {next},", "leads to line {line}"),
        ("`core/network.py`", "`core/networks.py`", "no core/networks.py"),
    ],
)
def test_a_planted_mistake_is_seen(old: str, new: str, said: str):
    page = PAGES[0].read_text("utf-8")
    start = page.index("[`core/network.py`, line ")
    first = page[start : page.index("```\n", page.index("```python", start)) + 4]
    (sound,) = pointers(first, PAGES[0].parent)
    assert not wrong(sound)
    old, new, said = (
        part.format(line=sound.line, next=sound.line + 1) for part in (old, new, said)
    )
    assert old in first
    (planted,) = pointers(first.replace(old, new, 1), PAGES[0].parent)
    assert said in wrong(planted)


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=str)
def test_numbers_are_those_that_come_out(page: Path):
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried >= 20
    assert not failed
