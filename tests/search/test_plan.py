"""The plan of a search: how many trials it may have, and that they are counted, not listed."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from handstitch.config import Config
from handstitch.errors import UsageError
from handstitch.search import Range, make
from handstitch.search.plan import MOST_TRIALS, ROUND, SearchPlan
from tests.cli.conftest import Handstitch, handstitch, machine  # noqa: F401

RATES = {"learning_rate": Range(low=0.001, high=0.1, log=True)}


def make_plan(candidates: int, seeds: int = 1, **more: object) -> SearchPlan:
    return make(Config(), RATES, candidates=candidates, seeds=seeds, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("candidates", "seeds"), [(MOST_TRIALS, 1), (1, MOST_TRIALS), (1, 1)])
def test_a_search_has_at_most_a_million_trials(candidates: int, seeds: int) -> None:
    assert make_plan(candidates, seeds).trials == candidates * seeds


def record_of(candidates: int, seeds: int) -> bytes:
    plan = msgspec.to_builtins(make_plan(1)) | {"candidates": candidates, "seeds": seeds}
    return msgspec.json.encode(plan)


@pytest.mark.parametrize(("candidates", "seeds"), [(MOST_TRIALS + 1, 1), (1001, 1000), (10**15, 1)])
def test_more_are_refused_whoever_wants_them(candidates: int, seeds: int) -> None:
    for ask in (
        lambda: make_plan(candidates, seeds),
        lambda: msgspec.json.decode(record_of(candidates, seeds), type=SearchPlan),
    ):
        with pytest.raises(UsageError, match="invalid number of trials") as caught:
            ask()
        assert caught.value.found == f"{candidates:,} candidates × {seeds:,} seeds"
        assert f"{MOST_TRIALS:,}" in str(caught.value.wanted)


@pytest.mark.parametrize(("candidates", "seeds"), [(-3, -2), (1, 0)])
def test_fewer_than_one_are_refused(candidates: int, seeds: int) -> None:
    with pytest.raises(UsageError, match="invalid number of trials") as caught:
        make_plan(candidates, seeds)
    assert caught.value.found == f"{candidates:,} candidates × {seeds:,} seeds"
    with pytest.raises(msgspec.ValidationError, match=">= 1"):
        msgspec.json.decode(record_of(candidates, seeds), type=SearchPlan)


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_rounds_are_counted_and_hold_every_candidate_once(kind: str) -> None:
    assert [n for candidates in make_plan(19, kind=kind).rounds() for n in candidates] == list(
        range(19)
    )
    first = list(islice(make_plan(MOST_TRIALS, kind=kind).rounds(), 2))
    assert first[0] == range(ROUND if kind == "tpe" else MOST_TRIALS)


def test_a_search_that_can_never_end_is_refused_at_once(
    handstitch: Handstitch,  # noqa: F811
    machine: Path,  # noqa: F811
) -> None:
    words = ("--lr", "0.001..0.1", "--trials", "100000", "--dataset", "sketch")
    result = handstitch("search", *words, "--seeds", "100000")
    assert result.code == 2
    assert "100,000 candidates × 100,000 seeds" in result.err
    assert "--trials or --seeds" in result.err
    assert not list(machine.iterdir())


def test_a_received_search_of_endless_trials_costs_no_memory(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    plan = msgspec.to_builtins(make_plan(1)) | {"candidates": 10**15, "kind": "tpe"}
    description = {"format": 2, "plan": plan, "data_digest": "", "study": "theirs"}
    (tmp_path / "search.json").write_bytes(msgspec.json.encode(description))
    for words in (["show", str(tmp_path)], ["search", "--out", str(tmp_path)]):
        done = subprocess.run(
            [sys.executable, "-m", "handstitch", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)),
        )
        assert done.returncode == 5, done.stderr
        assert "1,000,000,000,000,000 candidates" in done.stderr
        assert f"file    {tmp_path / 'search.json'}\n" in done.stderr
