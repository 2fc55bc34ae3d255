"""Networks compared: which, on which images, and what is recorded. None is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from handstitch import comparison
from handstitch.comparison import Comparison, sides
from handstitch.data import loading, splits
from handstitch.errors import HandstitchError, ModelFileError, UsageError
from handstitch.model import save_model
from handstitch.model.classifier import Classifier
from handstitch.runs import folder as run_folder
from handstitch.runs import test_log
from tests.comparison.networks import make_config, make_model, save_run, save_search


def compare(*paths: str | Path, **options: Any) -> Comparison:
    return comparison.compare(paths, **options).comparison


def refused(*paths: str | Path) -> HandstitchError:
    with pytest.raises(HandstitchError) as caught:
        compare(*paths)
    assert len(str(caught.value).splitlines()) <= 6
    assert caught.value.wanted
    assert caught.value.fix
    return caught.value


def evaluations(run: Path) -> int:
    return len(test_log.read(run).evaluations)


def test_two_runs_of_a_seed_are_compared_on_what_both_held_out() -> None:
    a, b = save_run("a", weights=1), save_run("b", weights=2, dropout=0.1)
    found = compare(a, b)
    (pair,), (one,) = found.pairs, found.pairs[0].by_image
    assert (found.part, found.images, one.n, one.seed) == ("validation", 30, 30, 0)
    assert (evaluations(a), evaluations(b)) == (0, 0)
    train = loading.load("sketch", "train")
    _, held_out = splits.split(train.labels, 0.1, 0)
    right = [
        run_folder.load(run).predict(train.images[held_out]) == train.labels[held_out]
        for run in (a, b)
    ]
    counts = (right[0] & right[1], right[1] & ~right[0], right[0] & ~right[1])
    assert (one.both, one.won, one.lost) == tuple(int(each.sum()) for each in counts)
    assert one.both + one.won + one.lost + one.neither == 30
    assert one.difference == pytest.approx(right[1].mean() - right[0].mean())
    assert [side.accuracies for side in found.sides] == [[each.mean()] for each in right]
    assert pair.by_seed is not None
    assert pair.by_seed.interval is None
    assert [(row.name, row.values) for row in found.settings] == [("dropout", [0.0, 0.1])]


def test_two_seeds_of_a_recipe_are_compared_on_test_images_and_that_is_recorded() -> None:
    a, b = save_run("a", 0), save_run("b", 1)
    found = compare(a, b)
    assert (found.part, found.images) == ("test", 60)
    assert found.pairs[0].by_seed is None
    assert [(row.name, row.values) for row in found.settings] == [("seed", [0, 1])]
    assert (evaluations(a), evaluations(b)) == (1, 1)
    assert test_log.read(a).evaluations[0].accuracy == found.sides[0].mean
    evaluated = run_folder.load(b).evaluate().accuracy
    assert found.sides[1].accuracies == [evaluated]


def test_where_all_were_tested_before_another_look_is_no_new_one() -> None:
    runs = save_run("a", weights=1), save_run("b", weights=2, dropout=0.1)
    for run in runs:
        test_log.record(run, run_folder.load(run).model, run_folder.load(run).evaluate())
    assert compare(*runs).part == "test"
    assert [evaluations(run) for run in runs] == [2, 2]
    save_run("b", weights=3, dropout=0.1)  # other weights, never tested
    assert compare(*runs).part == "validation"


def test_held_out_images_of_another_fraction_are_others() -> None:
    found = compare(save_run("a", weights=1), save_run("b", weights=2, validation=0.2))
    assert found.part == "test"


def test_examples_are_won_and_lost_and_the_surest_mistake_is_first() -> None:
    compared = comparison.compare([save_run("a", 0), save_run("b", 1)])
    one, data = compared.comparison.pairs[0].by_image[0], compared.data[None]
    assert len(one.examples_won) == min(24, one.won) > 0
    assert len(one.examples_lost) == min(24, one.lost) > 0
    for example in one.examples_won:
        assert example.label == data.class_names[data.labels[example.position]]
        assert example.answers[1] == example.label != example.answers[0]
    for example in one.examples_lost:
        assert example.answers[0] == example.label != example.answers[1]
    sure = [example.probabilities[0] for example in one.examples_won]
    assert sure == sorted(sure, reverse=True)


def test_runs_that_differ_in_their_seed_alone_are_a_side() -> None:
    runs = [
        save_run(f"{name}-{seed}", seed, 10 * at + seed, dropout=0.1 * at, threads=1 + seed % 2)
        for at, name in enumerate(("plain", "dropped"))
        for seed in (3, 1, 2)
    ]
    found = compare(*runs)
    assert [(side.name, side.seeds) for side in found.sides] == [
        ("plain", [1, 2, 3]),
        ("dropped", [1, 2, 3]),
    ]
    (pair,) = found.pairs
    assert found.part == "validation"
    assert [one.seed for one in pair.by_image] == [1, 2, 3]
    assert pair.by_seed is not None
    assert (pair.by_seed.is_paired, pair.by_seed.seeds) == (True, (3, 3))
    differences = np.diff([side.accuracies for side in found.sides], axis=0)
    assert pair.by_seed.difference == pytest.approx(differences.mean())
    assert pair.by_seed.deviation == pytest.approx(differences.std(ddof=1))
    assert pair.by_seed.detectable is not None


def test_folders_of_runs_without_common_seeds_are_compared_as_they_are() -> None:
    for seed in (0, 1, 2):
        save_run(f"one/{seed}", seed)
    for seed in (5, 6):
        save_run(f"two/{seed}", seed, dropout=0.1)
    found = compare("one", "two")
    (pair,) = found.pairs
    assert found.part == "test"
    assert (pair.by_image, [side.name for side in found.sides]) == ([], ["one", "two"])
    assert pair.by_seed is not None
    assert (pair.by_seed.is_paired, pair.by_seed.seeds) == (False, (3, 2))
    assert pair.by_seed.interval is not None


@pytest.mark.parametrize("other", [{"dropout": 0.1}, {"precision": "bfloat16"}], ids=str)
def test_one_folder_is_taken_apart_into_its_recipes(other: dict[str, Any]) -> None:
    for seed in (0, 1):
        save_run(f"runs/plain-{seed}", seed)
        save_run(f"runs/other-{seed}", seed, **other)
    found = compare("runs")
    assert {side.name for side in found.sides} == {"runs/plain", "runs/other"}


def test_candidates_of_a_search_and_its_winner() -> None:
    search = save_search("grid")
    found = compare(f"{search}:0", search)
    assert [side.name for side in found.sides] == [f"{search}:0", str(search)]
    assert [side.seeds for side in found.sides] == [[0, 1, 2]] * 2
    assert [row.name for row in found.settings] == ["learning_rate"]
    assert found.settings[0].values == [0.01, 0.02]
    trials = [search / "trials" / f"{number:04d}" for number in (0, 3)]
    compare(*trials, dataset="sketch")
    assert evaluations(search) == 2
    assert "candidate 7" in refused(f"{search}:7", search).problem


def test_three_sides_share_the_level_and_have_a_best_one() -> None:
    names = [f"r{at}-{seed}" for at in range(3) for seed in range(3)]
    for name in names:
        at, seed = int(name[1]), int(name[3])
        save_run(name, seed, 0, dropout=0.1 * at)  # the same weights: nothing differs
    found = compare(*names)
    assert [(pair.first, pair.second) for pair in found.pairs] == [("A", "B"), ("A", "C")]
    assert found.alpha == pytest.approx(0.025)
    assert found.indistinguishable == ["A", "B", "C"]
    assert all(one.p == 1 and not one.is_different for one in found.pairs[0].by_image)
    assert found.pairs[0].by_seed is not None
    assert found.pairs[0].by_seed.is_different is False


def test_a_model_file_and_one_of_unknown_settings() -> None:
    save_model(Path("a.safetensors"), make_model(make_config()))
    save_model(Path("b.safetensors"), msgspec.structs.replace(make_model(make_config()), config={}))
    found = compare("a.safetensors", "b.safetensors")
    assert found.part == "test"
    assert found.sides[1].seeds == [None]
    assert {row.values[1] for row in found.settings} == {None}


def test_other_data_are_refused_unless_images_are_named() -> None:
    config = make_config()
    save_model(Path("a.safetensors"), make_model(config, data_digest="1" * 64))
    save_model(Path("b.safetensors"), make_model(config, 1, data_digest="2" * 64))
    error = refused("a.safetensors", "b.safetensors")
    assert isinstance(error, UsageError)
    assert "different data sets" in error.problem
    assert str(error.found).splitlines() == [
        "a.safetensors: sketch (SHA-256 11111111…)",
        "b.safetensors: sketch (SHA-256 22222222…)",
    ]
    assert compare("a.safetensors", "b.safetensors", dataset="sketch").part == "test"
    save_model(Path("c.safetensors"), make_model(config, dataset="mnist"))
    assert "different data sets" in refused("a.safetensors", "c.safetensors").problem


def test_other_classes_and_inputs_are_refused() -> None:
    config = make_config()
    save_model(Path("a.safetensors"), make_model(config))
    names = tuple(f"class {n}" for n in range(10))
    save_model(Path("b.safetensors"), make_model(config, class_names=names))
    assert "different classes" in refused("a.safetensors", "b.safetensors").problem
    save_model(Path("c.safetensors"), make_model(config, image_shape=(14, 56)))
    error = refused("a.safetensors", "c.safetensors")
    assert "different inputs" in error.problem
    assert "14 × 56" in str(error.found)


def test_what_is_no_two_sides_is_refused() -> None:
    run = save_run("a")
    assert "two sides" in refused(run).problem
    assert isinstance(refused(run, "nowhere"), ModelFileError)
    for seed in (0, 1):
        save_run(f"mixed/{seed}", seed, dropout=0.1 * seed)
        save_run(f"twice/{seed}", 4, seed)
    error = refused("mixed", run)
    assert "different recipes" in error.problem
    assert error.found == "dropout is 0 and 0.1"
    error = refused("twice", run)
    assert (error.file, error.found) == ("twice", "2 with seed 4")


def test_names_in_common() -> None:
    def named(*names: str) -> str:
        networks = [
            comparison.networks.ComparedNetwork(name, Classifier(), (), make_config(at))
            for at, name in enumerate(names)
        ]
        other = replace(networks[0], name="x", config=make_config(dropout=0.1))
        return sides.groups([*names, "x"], [[each] for each in [*networks, other]])[0].name

    assert named("runs/a-1", "runs/a-2") == "runs/a"
    assert named("runs/h128-10", "runs/h128-11") == "runs/h128"
    assert named("one", "two") == "one, …"
