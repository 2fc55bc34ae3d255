"""The sides of a comparison: single networks, or the networks of a recipe with several seeds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Final, NamedTuple

from handstitch.comparison.findings import Setting
from handstitch.comparison.networks import ComparedNetwork
from handstitch.config.messages import format_value, plural
from handstitch.errors import UsageError

MOST: Final = len(ascii_uppercase)
"""Sides, each with a letter."""


class NetworkGroup(NamedTuple):
    """A side: its name, and its networks in order of their seeds."""

    name: str
    networks: list[ComparedNetwork]

    @property
    def seeds(self) -> list[int | None]:
        """Of its networks."""
        return [network.seed for network in self.networks]


def groups(names: Sequence[str], found: Sequence[Sequence[ComparedNetwork]]) -> list[NetworkGroup]:
    """The sides that were named.

    `found` has the networks of each name. Where a name stands for several, each name is a side.
    Otherwise, and of a single name, the networks of one recipe are a side; if all are of one, each
    network is. Raises UsageError unless there are two sides, each of one recipe and with different
    seeds.
    """
    if len(names) > 1 and any(len(each) > 1 for each in found):
        sides = [NetworkGroup(name, list(each)) for name, each in zip(names, found, strict=True)]
    else:
        networks = [network for each in found for network in each]
        sides = _by_recipe(networks)
        if len(sides) == 1:
            sides = [NetworkGroup(network.name, [network]) for network in networks]
    if not 2 <= len(sides) <= MOST:
        raise UsageError(
            "a comparison needs two sides or more",
            found=plural(len(sides), "network"),
            wanted=f"2 to {MOST}",
            fix="name several runs, folders of runs, candidates of a search or model files",
        )
    for side in sides:
        _require_one_recipe(side)
    return [NetworkGroup(name, sorted(own, key=lambda each: each.seed or 0)) for name, own in sides]


def _by_recipe(networks: Sequence[ComparedNetwork]) -> list[NetworkGroup]:
    found: list[list[ComparedNetwork]] = []
    for network in networks:
        same = [one for one in found if network.recipe and one[0].recipe == network.recipe]
        if same:
            same[0].append(network)
        else:
            found.append([network])
    return [NetworkGroup(_common_name([each.name for each in own]), own) for own in found]


def _common_name(names: Sequence[str]) -> str:
    """What the paths have in common at their beginning: runs/a of runs/a-1 and runs/a-2."""
    if len(names) == 1:
        return names[0]
    begin = os.path.commonprefix(names)  # noqa: RUF071 (of names, not of folders alone)
    if any(name[len(begin) :][:1].isdecimal() for name in names):
        begin = begin.rstrip("0123456789")  # a part of a number
    return begin.rstrip("/-_. ") or f"{names[0]}, …"


def _require_one_recipe(side: NetworkGroup) -> None:
    first = side.networks[0]
    for other in side.networks[1:]:
        different = differences([[first], [other]])
        if other.recipe != first.recipe and different:
            one = different[0]
            raise UsageError(
                "the networks of this side are of different recipes",
                file=side.name,
                found=f"{one.name} is {' and '.join(map(format_value, one.values))}",
                wanted="networks that differ in nothing but their seeds",
                fix="name each recipe for itself",
            )
    seed, count = Counter(side.seeds).most_common(1)[0]
    if count > 1:
        raise UsageError(
            "networks of one side have the same seed",
            file=side.name,
            found=f"{count} with seed {seed}",
            wanted="a seed of its own for each: a copy is no second witness",
            fix="leave one of them out",
        )


def differences(sides: Sequence[Sequence[ComparedNetwork]]) -> list[Setting]:
    """Settings in which the sides differ; the seed where each side is one network."""
    settings = [side[0].settings for side in sides]
    is_single = all(len(side) == 1 for side in sides)
    names = dict.fromkeys(name for each in settings for name in each)
    rows = [
        Setting(name=name, values=[each.get(name) for each in settings])
        for name in names
        if name != "seed" or is_single
    ]
    return [row for row in rows if any(value != row.values[0] for value in row.values)]
