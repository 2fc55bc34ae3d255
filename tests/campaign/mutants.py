"""Mutation testing: small faults planted in src, each to be caught by the tests of its room.

    make mutants                       30 mutants, chosen by seed 0
    make mutants ARGS="--count 100 --seed 3"
    make mutants ARGS="--only storage/atomic.py"

A mutant is one change: a comparison or its strictness, `and` for `or`, a sign, a constant, two
swapped arguments, a flag, a `not` or a statement left out. It is made in a copy of the checkout;
the tests of the module run first, then those of the room. A mutant that lives is printed, and is
either killed by a new test or explained in tests/mutants.md.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = Path("src/handstitch")
LIMIT = 300
"""Seconds for the tests of a mutant; one that takes longer waits for ever, and is seen."""

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}

SYMMETRIC = {
    *("isinstance", "isclose", "max", "min", "np.maximum", "np.minimum"),
    *("builder.fadd", "builder.fmul"),
}
"""Functions whose arguments are not swapped: the same, or a TypeError."""


class Mutant(NamedTuple):
    """One change of one file: the characters from `start` to `end` become `text`."""

    kind: str
    file: Path
    line: int
    start: int
    end: int
    text: str

    def apply(self, source: str) -> str:
        """The mutated source."""
        return source[: self.start] + self.text + source[self.end :]

    def describe(self, source: str) -> str:
        """File, line, old and new text."""
        return f"{self.file}:{self.line}: {source[self.start : self.end]!r} → {self.text!r}"


def mutants(file: Path, source: str) -> Iterator[Mutant]:
    """Every mutant of a module, but for annotations, decorators, texts and messages."""
    lines = source.encode().splitlines(keepends=True)

    def at(line: int, column: int) -> int:
        return len((b"".join(lines[: line - 1]) + lines[line - 1][:column]).decode())

    for node in _nodes(ast.parse(source)):
        for new in _changed(node):
            assert isinstance(node, ast.expr | ast.stmt)
            start, end = (
                at(node.lineno, node.col_offset),
                at(node.end_lineno or 0, node.end_col_offset or 0),
            )
            text = new if isinstance(new, str) else ast.unparse(new)
            if isinstance(node, ast.expr):
                text = f"({text})"
            yield Mutant(type(node).__name__, file, node.lineno, start, end, text)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, ast.JoinedStr | ast.Raise):
        return
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "keywords"} and (
            name != "keywords" or isinstance(node, ast.ClassDef)
        ):
            continue
        for child in value if isinstance(value, list) else [value]:
            is_type_check = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            # Without `strict`, a zip of equal lengths is the same: a check, like `raise`.
            is_strict = isinstance(child, ast.keyword) and child.arg == "strict"
            if isinstance(child, ast.AST) and not is_type_check and not is_strict:
                yield from _nodes(child)


def _changed(node: ast.AST) -> Iterator[ast.AST | str]:
    """What may stand in the place of a node."""
    match node:
        case ast.Compare(left, [operator], right) if type(operator) in COMPARISONS:
            yield ast.Compare(left, [COMPARISONS[type(operator)]()], right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            yield ast.BinOp(left, OPERATORS[type(operator)](), right)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.Constant(bool(value)):
            yield str(not value)
        case ast.Constant(int(value) | float(value)):
            yield repr(value + 1)
        case ast.Call(function, [first, second, *rest], keywords) if not any(
            isinstance(one, ast.Starred) for one in (first, second)
        ):
            if ast.unparse(first) != ast.unparse(second) and ast.unparse(function) not in SYMMETRIC:
                yield ast.Call(function, [second, first, *rest], keywords)
        case ast.Expr(ast.Call()) | ast.AugAssign():
            yield "pass"


def choose(every: list[Mutant], count: int, rng: random.Random) -> list[Mutant]:
    """At most `count` mutants, as many of each kind as there are: constants are a third of all."""
    queues: dict[str, list[Mutant]] = {}
    for mutant in rng.sample(every, len(every)):
        queues.setdefault(mutant.kind, []).append(mutant)
    chosen = [one for row in zip_longest(*queues.values()) for one in row if one is not None]
    return chosen[:count]


def suites_of(file: Path) -> list[list[str]]:
    """The tests of a module (relative to the package), then those of its room."""
    room, name = file.parts[0].removesuffix(".py"), file.stem
    near = list((ROOT / "tests" / room).glob(f"test_{name}*.py"))
    far = [ROOT / "tests" / room] if (ROOT / "tests" / room).is_dir() else []
    far += (ROOT / "tests").glob(f"test_{room}*.py")
    if room in {"cli", "runs"}:
        far.append(ROOT / "tests/test_bad_input.py")
    if room == "runs":
        far += (ROOT / "tests/test_front_door.py", ROOT / "tests/cli", ROOT / "tests/campaign")
    if room == "storage":
        far.append(ROOT / "tests/faults")
    if room in {"model", "data"}:
        far.append(ROOT / "tests/attacks")
    far.append(ROOT / "tests/test_defaults.py")
    return [[str(path.relative_to(ROOT)) for path in paths] for paths in (near, far) if paths]


def killer(checkout: Path, file: Path, mutated: str, source: str, broken: set[str]) -> str:
    """The test that fails where a module is `mutated`; "timeout"; or empty if all pass.

    A test that fails with the `source`, too, has seen nothing: it joins `broken`, and the others
    run again.
    """
    target = checkout / PACKAGE / file
    for tests in suites_of(file):
        while True:
            target.write_text(mutated, encoding="utf-8")
            found = failure(checkout, tests, broken)
            target.write_text(source, encoding="utf-8")
            if not found:
                break
            if not found.startswith("tests") or not failure(checkout, [found], set()):
                return found
            broken.add(found)
    return ""


def failure(checkout: Path, tests: list[str], broken: set[str]) -> str:
    """The first of these tests, `broken` ones aside, that fails; "timeout"; or empty."""
    environment = os.environ | {
        "PYTHONPATH": str(checkout / "src"),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    options = ["-x", "-q", "-n0", "-m", "not oracle", "-p", "no:cacheprovider"]
    options += [f"--deselect={test}" for test in sorted(broken)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "timeout"
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return failed[1].split("[")[0] if failed else "no test runs" * (done.returncode not in {0, 5})


def main() -> None:
    """Make mutants, run their tests, and list those that live."""
    parser = argparse.ArgumentParser(description="Mutation testing of src.")
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="modules whose path contains this")
    arguments = parser.parse_args()
    sources = {
        file.relative_to(ROOT / PACKAGE): file.read_text(encoding="utf-8")
        for file in sorted((ROOT / PACKAGE).rglob("*.py"))
        if arguments.only in str(file)
    }
    every = [mutant for file, source in sources.items() for mutant in mutants(file, source)]
    chosen = choose(every, arguments.count, random.Random(arguments.seed))
    lived, broken = 0, set[str]()
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder, "checkout")
        shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".venv*", ".git"))
        for number, mutant in enumerate(chosen, 1):
            source = sources[mutant.file]
            mutated = mutant.apply(source)
            caught = killer(checkout, mutant.file, mutated, source, broken)
            lived += not caught
            told = f"killed by {caught}" if caught else "LIVES"
            print(f"{number} {mutant.describe(source)}: {told}", flush=True)
    print(f"{len(chosen)} mutants of {len(every):,}, seed {arguments.seed}: {lived} lived")
    sys.exit(lived > 0)


if __name__ == "__main__":
    main()
