from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from handstitch.data import sketch
from handstitch.doctor import duplicates
from handstitch.doctor.duplicates import groups_of, is_constant, near_groups, originals

IMAGES, _ = sketch.draw(600, 5)


def jpeg(image: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "jpeg", quality=90)
    return np.asarray(Image.open(file))


def near_to(changed: np.ndarray) -> list[tuple[int, ...]]:
    """Groups among 600 images and the changed ones, which follow them."""
    parts = [IMAGES, np.ascontiguousarray(changed.clip(0, 255).astype(np.uint8))]
    found = near_groups(parts, originals(parts))
    assert found is not None
    return [tuple(group.members.tolist()) for group in found]


def test_exact_duplicates_are_found_within_and_across_parts() -> None:
    train, test = IMAGES[:100].copy(), IMAGES[100:150].copy()
    train[7], test[3], test[4] = train[2], train[2], test[9]
    first = originals([train, test])
    assert [group.tolist() for group in groups_of(first)] == [[2, 7, 103], [104, 109]]
    train[7, 0, 0] ^= 1
    assert [group.tolist() for group in groups_of(originals([train, test]))] == [
        [2, 103],
        [104, 109],
    ]


def test_features_that_are_the_same_are_found() -> None:
    rows = np.random.Generator(np.random.Philox(1)).normal(size=(9, 3)).astype(np.float32)
    rows[8] = rows[4]
    assert [group.tolist() for group in groups_of(originals([rows]))] == [[4, 8]]


@pytest.mark.parametrize("change", ["darker", "contrast", "noise", "jpeg"])
def test_near_duplicates_are_found_whatever_was_done_to_the_levels(change: str) -> None:
    some = IMAGES[:100].astype(np.float64)
    changed = {
        "darker": 0.8 * some,
        "contrast": 40 + 0.7 * some,
        "noise": some + np.random.Generator(np.random.Philox(2)).normal(0, 3, some.shape),
        "jpeg": np.stack([jpeg(image) for image in IMAGES[:100]]),
    }[change]
    found = near_to(changed)
    planted = [(position, 600 + position) for position in range(100)]
    assert len(set(planted) & set(found)) >= 98
    assert len(found) <= 102


def test_what_is_shifted_or_reflected_is_not_found_as_the_page_says() -> None:
    for changed in (np.roll(IMAGES[:100], 2, axis=2), IMAGES[:100, :, ::-1]):
        across = [group for group in near_to(changed) if group[-1] >= 600]
        assert len(across) < 10


def test_drawn_images_are_no_near_duplicates() -> None:
    assert near_to(sketch.draw(100, 6)[0]) == []


def test_neighbours_are_those_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "NEAR", 0.95)
    signatures = duplicates._signatures([IMAGES])
    found = duplicates._near_pairs(signatures)
    assert found is not None
    table = np.triu(np.corrcoef(IMAGES.reshape(600, 14, 2, 14, 2).mean((2, 4)).reshape(600, -1)), 1)
    assert {(int(a), int(b)) for a, b in zip(*found[:2], strict=True)} == {
        (int(a), int(b)) for a, b in zip(*np.nonzero(table >= 0.95), strict=True)
    }
    assert len(found[0]) > 20
    np.testing.assert_allclose(found[2], table[found[0], found[1]], atol=1e-5)


def test_a_group_names_its_weakest_link_and_has_the_copies() -> None:
    base = np.stack([IMAGES[0], IMAGES[0] // 2, IMAGES[1], IMAGES[0]])
    (group,) = near_groups([base], originals([base])) or []
    assert group.members.tolist() == [0, 1, 3]
    assert duplicates.NEAR <= group.similarity < 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (100, 30), (17, 16, 3), (40, 40, 3)])
def test_signatures_of_any_shape(shape: tuple[int, ...]) -> None:
    images = np.random.Generator(np.random.Philox(3)).integers(0, 200, (9, *shape), np.uint8)
    found = duplicates._signatures([images[:4], images[4:]])
    assert len(found) == 9
    assert found.shape[1] <= 256 * (3 if len(shape) == 3 else 1)
    if images[0].size > 1:
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
        other = near_groups([images, images // 2 + 20], np.arange(18))
        assert other is not None
        assert len(other) >= 5


def test_constant_images_are_found_and_have_no_likeness() -> None:
    images = IMAGES[:5].copy()
    images[1], images[3] = 9, 200
    images[3, 0, 0] = 204
    assert is_constant(images).tolist() == [False, True, False, True, False]
    images[3, 0, 0] = 205
    assert is_constant(images).tolist() == [False, True, False, False, False]
    blank = np.stack([np.full((8, 8), level, np.uint8) for level in (1, 2, 3)])
    assert near_groups([blank], originals([blank])) == []
    assert is_constant(np.array([[1.5, 1.5], [1, 1.001]], np.float32)).tolist() == [True, False]


def test_images_that_are_all_alike_are_not_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.stack([IMAGES[0] // 2 + level for level in range(40)])
    assert near_groups([frames], originals([frames])) != []
    monkeypatch.setattr(duplicates, "MOST_PAIRS", 700)
    assert near_groups([frames], originals([frames])) is None
