"""The folder of a search: what was kept is read, and what contradicts it is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from handstitch.errors import MachineError
from handstitch.search import folder as search_folder
from handstitch.search import load
from tests.search.test_plan import make_plan
from tests.synthetic_trials import epochs, trial

NUMBER = 3
TRIAL = Path("trials", f"{NUMBER:04d}", "trial.json")


@pytest.fixture
def searched(tmp_path: Path) -> Path:
    """A search of four candidates with two seeds, of which one trial is finished."""
    path = search_folder.create(make_plan(4, 2), tmp_path / "grid", "0" * 64, "")
    one = trial(1, 1, epochs([0.5, 0.7]), {"learning_rate": 0.01}, seeds=2)
    load(path).keep(one, b"")
    return path


def test_what_was_kept_is_read(searched: Path) -> None:
    found = load(searched)
    assert [each.number for each in found.trials] == [NUMBER]
    assert [record.val_accuracy for record in found.trials[0].history] == [0.5, 0.7]
    assert found.trial_folder(found.trials[0]) == searched / TRIAL.parent
    assert not found.is_over


def change(file: Path, values: dict[str, Any]) -> None:
    """Replace values of a record; {"plan.kind": 1} those of a record within."""
    record = msgspec.json.decode(file.read_bytes())
    for path, value in values.items():
        *within, name = path.split(".")
        inner = record
        for each in within:
            inner = inner[each]
        inner[name] = value
    file.write_bytes(msgspec.json.encode(record))


def test_a_record_that_is_written_again_is_read_again(searched: Path) -> None:
    change(searched / TRIAL, {})
    change(searched / "search.json", {})
    assert len(load(searched).trials) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"number": 2, "repeat": 0},
        {"number": 8, "candidate": 4, "repeat": 0},
        {"candidate": 0},
        {"repeat": 0},
        {"parameters": {}},
        {"parameters": {"learning_rate": 0.01, "epochs": 2}},
        {"parameters": {"learning_rate": "much"}},
        {"history": []},
        {"val_images": 0},
    ],
    ids=str,
)
def test_a_trial_that_contradicts_its_search_is_an_error(
    searched: Path, values: dict[str, Any]
) -> None:
    change(searched / TRIAL, values)
    with pytest.raises(MachineError, match="cannot be read") as caught:
        load(searched)
    assert caught.value.file == searched / TRIAL


@pytest.mark.parametrize("numbers", [(1, 1), (2, 1), (1, 3), (0, 1)])
def test_epochs_that_are_not_counted_from_1_are_an_error(
    searched: Path, numbers: tuple[int, int]
) -> None:
    history = [msgspec.to_builtins(record) for record in load(searched).trials[0].history]
    for record, number in zip(history, numbers, strict=True):
        record["epoch"] = number
    change(searched / TRIAL, {"history": history})
    with pytest.raises(MachineError, match="cannot be read"):
        load(searched)


@pytest.mark.parametrize(
    "values",
    [
        {"plan.parameters": {"learning_rate": []}},
        {"plan.parameters": {"learning_rate": ["much"]}},
        {"plan.parameters": {"no_such_setting": [1]}},
        {"plan.parameters.learning_rate.low": 0.5},
        {"plan.parameters.learning_rate.low": 0.0},
        {"plan.parameters.learning_rate.high": 1e999},
        {"plan.config.epochs": 0},
        {"plan.config.no_such_setting": 1},
        {"plan.config": {}},
    ],
    ids=str,
)
def test_a_description_that_makes_no_sense_is_an_error(
    searched: Path, values: dict[str, Any]
) -> None:
    change(searched / "search.json", values)
    with pytest.raises(MachineError, match="cannot be read") as caught:
        load(searched)
    assert caught.value.file == searched / "search.json"
