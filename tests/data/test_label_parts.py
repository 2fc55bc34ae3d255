from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handstitch.data.labels import natural, number_parts
from handstitch.errors import DataError
from tests.data.picture_files import expect_error


@pytest.mark.parametrize(
    "ordered",
    [
        ["9", "10"],
        ["a2", "a10", "a10b", "b1"],
        ["", "01", "1", "2", "10", "x"],
        ["x9y9", "x9y10", "x10y1"],
        ["1" * 6_000, "2" + "0" * 6_000],  # more digits than int() takes
    ],
)
def test_natural_order(ordered):
    assert sorted(set(ordered), key=natural) == ordered


@given(st.lists(st.integers(0, 10**30).map(str)))
def test_natural_order_of_numbers_is_that_of_their_values(numbers):
    assert sorted(numbers, key=natural) == sorted(numbers, key=int)


@given(st.sets(st.text()), st.randoms())
def test_natural_order_is_one_for_any_words(words, random):
    shuffled = list(words)
    random.shuffle(shuffled)
    assert sorted(shuffled, key=natural) == sorted(words, key=natural)


def test_words_are_numbered_in_natural_order_and_looked_up_in_training():
    names, numbers = number_parts(
        {"train": np.array(["10", "9", "x", "9"]), "test": np.array(["x", "10"])}
    )
    assert names == ("9", "10", "x")
    assert {part: each.tolist() for part, each in numbers.items()} == {
        "train": [1, 0, 2, 0],
        "test": [2, 1],
    }
    assert numbers["train"].dtype == np.uint8


def test_whole_numbers_are_ordered_by_value_whatever_their_gaps():
    names, numbers = number_parts({"train": np.array([10, -3, 9, 10]), "test": np.array([9])})
    assert names == ("-3", "9", "10")
    assert numbers["train"].tolist() == [2, 0, 1, 2]
    assert numbers["test"].tolist() == [1]


def test_numbers_and_words_are_compared_as_they_are_written():
    names, numbers = number_parts({"train": np.array([10, 9]), "test": np.array(["9", "10"])})
    assert names == ("9", "10")
    assert numbers["test"].tolist() == [0, 1]


def test_more_than_256_classes_are_two_bytes():
    _, numbers = number_parts({"train": np.arange(300)})
    assert numbers["train"].dtype == np.uint16
    assert numbers["train"].tolist() == list(range(300))
    assert number_parts({"train": np.arange(256)})[1]["train"].dtype == np.uint8


def test_fixed_names_count_from_0():
    names, numbers = number_parts(
        {"train": np.array([2, 0]), "test": np.array([1])}, ("c", "a", "b")
    )
    assert names == ("c", "a", "b")
    assert numbers["train"].tolist() == [2, 0]
    assert numbers["test"].tolist() == [1]


@pytest.mark.parametrize(
    ("train", "test", "names", "patterns"),
    [
        (["a"] * 3, ["a"], (), {"found": "the class a alone", "wanted": "two classes"}),
        (
            ["a", "b"],
            ["c", "a"],
            (),
            {"problem": "test part", "found": "^c, at position 0", "wanted": "a, b"},
        ),
        ([1, 2], [3], (), {"found": "^3, at", "wanted": "1, 2"}),
        ([0, 3], [0], ("a", "b"), {"found": "from 0 to 3"}),
        ([0, -1], [0], ("a", "b"), {"found": "from -1 to 0"}),
        (["a", ""], ["a"], (), {"found": "'', 0 characters", "fix": "rename"}),
        (["a", "b\x1b[2J"], ["a"], (), {"found": r"'b\\x1b\[2J', 5 characters"}),
        (["a", "b" * 300], ["a"], (), {"found": "300 characters", "wanted": "1 to 200"}),
        (list(range(70_000)), [0], (), {"found": "70,000 different", "wanted": "65,536"}),
    ],
)
def test_labels_that_are_no_classes(train, test, names, patterns):
    labels = {"train": np.array(train), "test": np.array(test)}
    expect_error(DataError, lambda: number_parts(labels, names), **patterns)
