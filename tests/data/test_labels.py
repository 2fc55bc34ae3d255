"""Labels of any kind become class numbers, and the classes keep what they were called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch.data.labels import name_labels, number_labels, values_of
from handstitch.errors import DataError


@pytest.mark.parametrize(
    ("labels", "names", "numbers", "kind"),
    [
        ([0, 2, 1, 0], ("0", "1", "2"), [0, 2, 1, 0], "position"),
        ([7, -3, 1000, 7], ("-3", "7", "1000"), [1, 0, 2, 1], "number"),
        (np.array([7, 3], np.uint8), ("3", "7"), [1, 0], "number"),
        ([1.0, 3.0], ("1", "3"), [0, 1], "number"),
        ([True, False], ("0", "1"), [1, 0], "position"),
        (["cat", "ant", "cat"], ("ant", "cat"), [1, 0, 1], "name"),
        (["10", "9", "010", "x2", "x10", ""], None, None, "name"),
        (["10", "9", "a"], ("9", "10", "a"), [1, 0, 2], "name"),
        (["x10", "x9", "x9a", "x"], ("x", "x9", "x9a", "x10"), [3, 1, 2, 0], "name"),
        (["9" * 5000, "1", "é"], ("1", "9" * 5000, "é"), [1, 0, 2], "name"),
        (np.array(["b", "a"], object), ("a", "b"), [1, 0], "name"),
        (np.array([5, np.int8(4)], object), ("4", "5"), [1, 0], "number"),
    ],
)
def test_the_distinct_labels_are_the_classes_in_natural_order(
    labels: Any, names: Any, numbers: Any, kind: str
) -> None:
    found = number_labels(labels)
    assert found.kind == kind
    if names is not None:
        assert found.names == names
        assert found.numbers.tolist() == numbers
    assert found.values[found.numbers].tolist() == np.asarray(labels).tolist()
    assert len(set(found.names)) == len(found.names)


def test_with_names_numbers_count_them_and_words_are_looked_up() -> None:
    names = ["bag", "coat", "shirt"]
    counted = number_labels([2, 0], names)
    assert (counted.numbers.tolist(), counted.kind) == ([2, 0], "position")
    words = number_labels(["shirt", "bag"], iter(names))
    assert (words.numbers.tolist(), words.kind) == ([2, 0], "name")
    assert words.values.tolist() == names
    with pytest.raises(DataError, match="unknown class: hat") as caught:
        number_labels(["shirt", "hat", "zzz"], names)
    assert caught.value.found == "hat, zzz, at position 1, counted from 0"
    assert caught.value.wanted == "one of bag, coat, shirt"


@pytest.mark.parametrize(("classes", "dtype"), [(256, np.uint8), (257, np.uint16)])
def test_numbers_take_two_bytes_from_257_classes_on(classes: int, dtype: Any) -> None:
    found = number_labels(np.arange(classes)[::-1])
    assert found.numbers.dtype == dtype
    assert found.numbers.tolist() == list(range(classes))[::-1]


def test_there_may_be_65536_classes() -> None:
    assert number_labels(np.arange(2**16)).numbers.max() == 2**16 - 1
    with pytest.raises(DataError, match="too many classes"):
        number_labels(np.arange(2**16 + 1))


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (np.eye(10, dtype=int), "labels int64 (10, 10)"),
        ([], "labels float64 (0,)"),
        (None, "labels object ()"),
        ([0.0, 0.5], "0.5 at position 1"),
        ([0.0, np.nan], "nan at position 1"),
        ([0.0, np.inf], "inf at position 1"),
        (np.array(["a", None, "b"], object), "None at position 1"),
        (np.array([1, "b"], object), "'b' at position 1"),
        (np.array([None, 1], object), "None at position 0"),
        (np.array([b"a", b"b"]), "labels |S1 (2,)"),
        (np.array([1j]), "labels complex128 (1,)"),
        ([[1], [2, 3]], "inhomogeneous"),
    ],
)
def test_what_is_no_label_is_refused(labels: Any, found: str) -> None:
    with pytest.raises(DataError, match="whole numbers or words") as caught:
        number_labels(labels)
    assert found in str(caught.value.found)
    assert caught.value.found != caught.value.wanted


@pytest.mark.parametrize("labels", [[5, 2, 5], ["b", "a", "b"], [1, 0, 1]])
def test_the_labels_come_back_from_names_and_kind(labels: Any) -> None:
    found = number_labels(labels)
    assert values_of(found.names, found.kind)[found.numbers].tolist() == labels


def test_numbers_are_named() -> None:
    assert name_labels([3, -7]).tolist() == ["3", "-7"]
    assert name_labels([3.0]).tolist() == ["3"]
    assert name_labels(["a"]).tolist() == ["a"]
