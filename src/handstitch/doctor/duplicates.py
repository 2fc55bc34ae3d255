"""Duplicates: samples that are the same number by number, and images that are nearly the same.

Near duplicates have signatures with a correlation of NEAR or more: the image, in areas of equal
size down to at most 16 × 16 pixels, minus its mean, by its norm. Brightness, contrast, noise and
compression hardly change that; a shift, a reflection or another frame does, and is not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images, Indices, Matrix
from handstitch.machine import memory

NEAR: Final = 0.998
"""Correlation of near duplicates. Among the 70,000 of Fashion-MNIST 79 pairs reach it, 749 reach
0.995, and those are mostly trousers that only look alike."""
_SIDE: Final = 16
_DIRECTIONS: Final = 16
"""Principal components in which neighbours are sought."""
_BLOCK: Final = 2_000
MOST_PAIRS: Final = 5_000_000
"""Candidates, beyond which the samples are so alike that pairs of them say nothing."""
CONSTANT: Final = 4
"""Grey levels within which a constant image lies."""


class NearGroup(NamedTuple):
    """Positions of images that are nearly the same."""

    members: Indices
    similarity: float


def originals(parts: Sequence[Images]) -> Indices:
    """For each sample of all parts in turn, the position of the first that is the same."""
    first: dict[bytes, int] = {}
    return np.array(
        [
            first.setdefault(blake2b(sample, digest_size=16).digest(), position)
            for position, sample in enumerate(sample for part in parts for sample in part)
        ],
        np.intp,
    )


def groups_of(numbers: Indices) -> list[Indices]:
    """Positions with the same number, of numbers that occur more than once, in order."""
    order = np.argsort(numbers, kind="stable")
    several = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
    return sorted((group for group in several if len(group) > 1), key=lambda group: int(group[0]))


def is_constant(images: Images) -> NDArray[np.bool_]:
    """Whether the pixels of each image lie within CONSTANT levels, or its features are equal."""
    most = CONSTANT if images.dtype == np.uint8 else 0
    found = [
        np.ptp(block.reshape(len(block), -1).astype(np.float32), axis=1) <= most
        for block in _blocks(images)
    ]
    return np.concatenate(found)


def near_groups(parts: Sequence[Images], first: Indices) -> list[NearGroup] | None:
    """Groups of near duplicates among the samples of all parts; None where nearly all are alike.

    `first` is `originals` of the parts. A group has at least two different images; each is joined
    to it by a correlation of `similarity` or more with another, and its copies are with it.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    signatures = _signatures(parts)
    distinct = np.flatnonzero(first == np.arange(len(first)))
    distinct = distinct[signatures[distinct].any(axis=1)]  # constant ones have no correlation
    pairs = _near_pairs(signatures[distinct])
    if pairs is None:
        return None
    one, other, similarity = pairs
    links = coo_array((np.ones(len(one)), (one, other)), (len(distinct),) * 2)
    number_of = np.full(len(first), -1, np.intp)
    number_of[distinct] = connected_components(links, directed=False)[1]
    linked = np.unique(number_of[distinct[one]])
    lowest = np.full(len(distinct), np.inf)
    np.minimum.at(lowest, number_of[distinct[one]], similarity)
    number_of = number_of[first]
    members = np.flatnonzero(np.isin(number_of, linked))
    order = members[np.argsort(number_of[members], kind="stable")]
    split = np.split(order, np.flatnonzero(np.diff(number_of[order])) + 1)
    return [
        NearGroup(group, float(lowest[number_of[group[0]]])) for group in split if len(group) > 1
    ]


def _near_pairs(signatures: Matrix) -> tuple[Indices, Indices, Matrix] | None:
    """Each pair of signatures with a correlation of NEAR or more, and that correlation.

    ‖s − t‖² = 2 − 2r for signatures of norm 1, and no projection is longer: so pairs that are
    near in the first principal components are all the candidates there are.
    """
    from scipy.spatial import KDTree

    if len(signatures) < 2:
        none = np.zeros(0, np.intp)
        return none, none, np.zeros(0)
    directions = np.linalg.eigh(signatures.T @ signatures)[1][:, -_DIRECTIONS:]
    tree = KDTree(signatures @ directions)
    radius = float(np.sqrt(2 - 2 * NEAR)) + 1e-4  # float32 rounds
    if (tree.count_neighbors(tree, radius) - len(signatures)) // 2 > MOST_PAIRS:
        return None
    pairs = tree.query_pairs(radius, output_type="ndarray")
    similarity = np.concatenate(
        [np.zeros(0)]
        + [
            np.einsum("ij,ij->i", signatures[block[:, 0]], signatures[block[:, 1]])
            for block in _blocks(pairs)
        ]
    )
    near = similarity >= NEAR
    return pairs[near, 0], pairs[near, 1], similarity[near].clip(max=1)


def _signatures(parts: Sequence[Images]) -> Matrix:
    """(samples of all parts, areas): of mean 0 and norm 1; 0 where an image is constant."""
    shape = parts[0].shape[1:]
    steps = [-(-side // _SIDE) for side in shape[:2]]
    starts = [np.arange(0, side, step) for side, step in zip(shape, steps, strict=False)]
    total = sum(map(len, parts))
    memory.require(
        8 * total * len(starts[0]) * len(starts[1]) * (shape[2] if len(shape) > 2 else 1),
        "signatures of the images",
        memory.OF_A_FILE,
    )
    found = []
    for block in (block for part in parts for block in _blocks(part)):
        sums = np.add.reduceat(block.astype(np.float32), starts[0], axis=1)
        sums = np.add.reduceat(sums, starts[1], axis=2)
        counts = [np.diff([*start, side]) for start, side in zip(starts, shape, strict=False)]
        area = np.outer(*counts).reshape(*map(len, starts), *[1] * (len(shape) - 2))
        means = (sums / area.astype(np.float32)).reshape(len(block), -1)
        means -= means.mean(axis=1, keepdims=True)
        norms = np.linalg.norm(means, axis=1, keepdims=True)
        found.append(np.divide(means, norms, np.zeros_like(means), where=norms > 1e-3))
    return np.concatenate(found)


def _blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (array[start : start + _BLOCK] for start in range(0, len(array), _BLOCK))
