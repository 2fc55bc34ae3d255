"""Each side compared with the first: by image, by seed, and by their settings."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from math import sqrt
from pathlib import Path
from string import ascii_uppercase
from typing import Final, NamedTuple

import numpy as np

from handstitch.comparison import networks, paired_proportions, paired_seeds, sides
from handstitch.comparison.answers import Answers, NetworkPair, ask, part_of
from handstitch.comparison.findings import ByImage, BySeed, Comparison, Example, Pair, Side
from handstitch.comparison.networks import ComparedNetwork, Weights
from handstitch.comparison.sides import NetworkGroup
from handstitch.data.dataset import Dataset
from handstitch.evaluation import wilson_interval
from handstitch.search import statistics
from handstitch.search.statistics import ALPHA, Interval

_logger = logging.getLogger(__name__)

_MANY: Final = 10
"""Networks above which a comparison takes long enough to say so."""
_EXAMPLES: Final = 24
"""Images of each kind that are listed."""


class Compared(NamedTuple):
    """A comparison, and the images that its examples are of."""

    comparison: Comparison
    data: dict[int | None, Dataset]
    """Seed of a `ByImage` → its images."""


def compare(
    paths: Sequence[str | Path],
    weights: Weights = "best",
    *,
    dataset: str | Path | None = None,
    data_dir: str | Path | None = None,
) -> Compared:
    """Compare the networks of `paths` with those of the first one.

        compare(["runs/a", "runs/b"]).comparison.pairs[0].by_image[0].difference

    `networks.find` says what a path can be, `sides.groups` which networks are a side, and `answers`
    on which images; with `dataset`, a name or a path, on its test images. Raises UsageError where
    there is nothing to compare, DataError where the images are not on this machine.
    """
    found = [networks.find(path, weights) for path in paths]
    networks.require_comparable(
        [network for each in found for network in each], is_other_data=dataset is not None
    )
    groups = sides.groups([str(path) for path in paths], found)
    pairs = [(groups[0], other) for other in groups[1:]]
    facing = [_facing(*pair) for pair in pairs]
    every = [network for group in groups for network in group.networks]
    part = "test" if dataset else part_of([pair for each in facing for pair in each], every)
    if len(every) > _MANY:
        _logger.info("%d networks answer the %s images", len(every), part)
    source = every[0].classifier.source(dataset, data_dir)
    load = cache(source.load)  # once for all networks
    answers = {network: ask(network, source, load, part) for network in every}
    alpha = ALPHA / len(pairs)
    first = answers[every[0]].data
    return Compared(
        Comparison(
            dataset=first.name,
            part=part,
            images=len(first),
            alpha=alpha,
            sides=[
                _side(letter, group, [answers[one] for one in group.networks])
                for letter, group in zip(ascii_uppercase, groups, strict=False)
            ],
            settings=sides.differences([group.networks for group in groups]),
            pairs=[
                Pair(
                    first="A",
                    second=letter,
                    by_image=[
                        _by_image(_common_seed(one, other), answers[one], answers[other], alpha)
                        for one, other in matched
                    ],
                    by_seed=_by_seed(*pair, matched, answers, alpha),
                )
                for letter, pair, matched in zip(ascii_uppercase[1:], pairs, facing, strict=False)
            ],
            indistinguishable=_ties(groups, answers),
        ),
        {
            _common_seed(one, other): answers[one].data
            for matched in facing
            for one, other in matched
        },
    )


def _facing(first: NetworkGroup, second: NetworkGroup) -> list[NetworkPair]:
    """The networks that are compared one with one: of each common seed, or the only two."""
    if len(first.networks) == len(second.networks) == 1:
        return [(first.networks[0], second.networks[0])]
    theirs = {network.seed: network for network in second.networks if network.seed is not None}
    return [(one, theirs[one.seed]) for one in first.networks if one.seed in theirs]


def _common_seed(one: ComparedNetwork, other: ComparedNetwork) -> int | None:
    return one.seed if one.seed == other.seed else None


def _side(letter: str, group: NetworkGroup, answers: Sequence[Answers]) -> Side:
    accuracies = [each.accuracy for each in answers]
    interval: Interval | None = None
    if len(answers) == 1:
        interval = wilson_interval(int(answers[0].right.sum()), len(answers[0].right))
    elif len(answers) > 2:  # as in a ranking: with two, t is 12.7
        interval = statistics.mean_interval(accuracies)
    return Side(
        letter=letter,
        name=group.name,
        networks=[network.name for network in group.networks],
        seeds=group.seeds,
        accuracies=accuracies,
        mean=float(np.mean(accuracies)),
        interval=interval,
    )


def _by_image(seed: int | None, first: Answers, second: Answers, alpha: float) -> ByImage:
    gained, missed = second.right & ~first.right, first.right & ~second.right
    n, won, lost = len(gained), int(gained.sum()), int(missed.sum())
    p = paired_proportions.exact_p(won, lost)
    return ByImage(
        seed=seed,
        n=n,
        both=int(np.sum(first.right & second.right)),
        won=won,
        lost=lost,
        neither=int(np.sum(~first.right & ~second.right)),
        difference=(won - lost) / n,
        interval=paired_proportions.difference_interval(won, lost, n, alpha),
        p=p,
        is_different=p < alpha,
        images_needed=paired_proportions.images_needed(won, lost, n, alpha),
        detectable=paired_proportions.detectable(won, lost, n, alpha),
        examples_won=_examples(np.flatnonzero(gained), first, (first, second)),
        examples_lost=_examples(np.flatnonzero(missed), second, (first, second)),
    )


def _examples(
    positions: np.ndarray[tuple[int], np.dtype[np.intp]],
    wrong: Answers,
    both: tuple[Answers, Answers],
) -> list[Example]:
    """The images at these positions, those with the most confident wrong answer first."""
    names = wrong.data.class_names
    order = np.argsort(-wrong.P[positions].max(axis=1), kind="stable")[:_EXAMPLES]
    return [
        Example(
            position=at,
            label=names[int(wrong.data.labels[at])],
            answers=(names[int(both[0].positions[at])], names[int(both[1].positions[at])]),
            probabilities=(float(both[0].P[at].max()), float(both[1].P[at].max())),
        )
        for at in positions[order].tolist()
    ]


def _by_seed(
    first: NetworkGroup,
    second: NetworkGroup,
    matched: Sequence[NetworkPair],
    answers: dict[ComparedNetwork, Answers],
    alpha: float,
) -> BySeed | None:
    is_single = len(first.networks) == len(second.networks) == 1
    one, other = first.networks[0], second.networks[0]
    if is_single and (not one.recipe or one.recipe == other.recipe):
        return None
    is_paired = bool(matched) and (len(matched) > 1 or is_single)
    columns = [
        [answers[network] for network in column]
        for column in (
            zip(*matched, strict=True) if is_paired else (first.networks, second.networks)
        )
    ]
    values = [np.array([each.accuracy for each in column]) for column in columns]
    measure = paired_seeds.paired if is_paired else paired_seeds.unpaired
    found = measure(values[0], values[1], alpha, _image_error(*columns))
    return BySeed(
        is_paired=is_paired,
        seeds=(len(values[0]), len(values[1])),
        difference=found.mean,
        interval=found.interval,
        deviation=found.deviation,
        is_different=(not found.interval[0] <= 0 <= found.interval[1] if found.interval else None),
        seeds_needed=paired_seeds.seeds_needed(found, alpha),
        detectable=paired_seeds.detectable(found, min(map(len, values)), alpha),
    )


def _image_error(first: Sequence[Answers], second: Sequence[Answers]) -> float:
    """Standard error, over the images, of the difference of the mean answers on them.

    0 where the seeds have images of their own: then it is in the spread over the seeds.
    """
    if not _share_images([*first, *second]):
        return 0.0
    shares = [np.mean([each.right for each in answers], axis=0) for answers in (first, second)]
    return float(np.std(shares[1] - shares[0], ddof=1)) / sqrt(len(shares[0]))


def _share_images(answers: Sequence[Answers]) -> bool:
    """Whether all are answers to the same images."""
    return all(each.data.digest == answers[0].data.digest for each in answers)


def _ties(
    groups: Sequence[NetworkGroup], answers: dict[ComparedNetwork, Answers]
) -> list[str] | None:
    """The letters of the sides that are indistinguishable from the best, over common seeds."""
    common = set.intersection(*({*group.seeds} - {None} for group in groups))
    if len(groups) < 3 or len(common) < 2 or _share_images(list(answers.values())):
        return None  # a ranking knows no images but those of each seed
    table = np.array(
        [
            [answers[one].accuracy for one in group.networks if one.seed in common]
            for group in groups
        ]
    )
    flags = statistics.indistinguishable_from_best(table)
    return [letter for letter, flag in zip(ascii_uppercase, flags, strict=False) if flag]
