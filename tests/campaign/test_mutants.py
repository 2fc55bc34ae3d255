"""The maker of mutants: each is a program of its own, and the tests of its room are found."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.campaign.mutants import PACKAGE, ROOT, choose, mutants, suites_of

SOURCE = '''\
"""A text with a < b and 3 is left alone."""
from typing import Annotated

def clipped(é: Annotated[int, 7], low: int = 1, strict: bool = True) -> int:
    if é < low and not strict:
        raise ValueError(f"{é + 1} of {min(low, 2)}")
    log(é)
    for _ in zip([], [], strict=True):
        log(é)
    return scaled(é, -low)
'''


def test_every_kind_of_change_is_made() -> None:
    found = {
        mutant.apply(SOURCE).splitlines()[mutant.line - 1].strip()
        for mutant in mutants(Path("a.py"), SOURCE)
    }
    head = "def clipped(é: Annotated[int, 7], low: int = "
    assert found == {
        f"{head}(2), strict: bool = True) -> int:",
        f"{head}1, strict: bool = (False)) -> int:",
        "if (é < low or not strict):",
        "if (é <= low) and not strict:",
        "if é < low and (strict):",
        "pass",
        "return (scaled(-low, é))",
        "return scaled(é, (low))",
    }


@pytest.mark.parametrize("file", ["core/network.py", "search/tpe_and_pruning.py", "cli/train.py"])
def test_every_mutant_is_another_program(file: str) -> None:
    source = (ROOT / PACKAGE / file).read_text(encoding="utf-8")
    programs = [mutant.apply(source) for mutant in mutants(Path(file), source)]
    for program in programs:
        compile(program, file, "exec")
        assert program != source
    assert len(set(programs)) > 10
    assert all((ROOT / path).exists() for paths in suites_of(Path(file)) for path in paths)


def test_as_many_of_each_kind_are_chosen() -> None:
    source = (ROOT / PACKAGE / "core/network.py").read_text(encoding="utf-8")
    every = list(mutants(Path("core/network.py"), source))
    chosen = choose(every, 12, random.Random(0))
    assert len(chosen) == len(set(chosen)) == 12
    assert max(Counter(one.kind for one in chosen).values()) <= 3
    assert chosen == choose(every, 12, random.Random(0))
