"""A comparison in sentences, for its page and for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from handstitch.comparison import ByImage, BySeed, Comparison, Pair
from handstitch.comparison.paired_seeds import MOST
from handstitch.report.languages import Words


def sentences(found: Comparison, words: Words) -> list[str]:
    """What a reader should know, most important first; each paragraph is of one pair."""
    said: dict[str, str] = words.comparison["said"]
    lines = [" ".join(_of_pair(pair, said)) for pair in found.pairs]
    if found.indistinguishable:
        form = said["ties" if len(found.indistinguishable) > 1 else "best"]
        lines.append(form.format(letters=", ".join(found.indistinguishable)))
    if len(found.pairs) > 1:
        lines.append(said["several"].format(k=len(found.pairs), level=100 * found.alpha))
    return [*lines, said[found.part]]


def seed_ranges(seeds: Iterable[int | None]) -> str:
    """Seeds in ascending order: 0–4, 7; empty where none is known."""
    runs: list[list[int]] = []
    for seed in seeds:
        if seed is None:
            continue
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ", ".join(
        f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )


def signed(fraction: float) -> str:
    """A difference of accuracies in points, with its sign: +0.35 or −0.20."""
    return f"{100 * fraction:+.2f}".replace("-", "−")


def small(p: float) -> str:
    """A p value with two digits, `= 0.012`, or that it is `< 0.0001`."""
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}"


def _of_pair(pair: Pair, said: dict[str, str]) -> Iterator[str]:
    letters = {"first": pair.first, "second": pair.second}
    by_seed = pair.by_seed
    if by_seed is not None and by_seed.interval is not None:
        yield from _by_seed(by_seed, letters, said)
    if len(pair.by_image) > 1:
        yield said["image_seeds"].format(
            **letters,
            different=sum(each.is_different for each in pair.by_image),
            all=len(pair.by_image),
        )
    for each in pair.by_image if len(pair.by_image) == 1 else ():
        yield from _by_image(each, letters, said)
    if by_seed is None:
        yield said["same_recipe"]
    elif by_seed.interval is None:
        yield said["seed_unknown"].format(**letters, n=by_seed.seeds[0], m=by_seed.seeds[1])


def _by_image(found: ByImage, letters: dict[str, str], said: dict[str, str]) -> Iterator[str]:
    if not found.won + found.lost:
        yield said["alike"].format(**letters)
        return
    facts: dict[str, Any] = letters | _difference(found, said)
    facts |= {"n": found.n, "won": found.won, "lost": found.lost, "p": small(found.p)}
    if found.is_different:
        yield said["image_different"].format(**facts)
        return
    yield said["image_same"].format(**facts)
    if found.images_needed is not None:
        yield said["images_needed"].format(needed=int(float(f"{found.images_needed:.2g}")))
    yield said["images_detectable"].format(n=found.n, points=f"{100 * found.detectable:.2f}")


def _by_seed(found: BySeed, letters: dict[str, str], said: dict[str, str]) -> Iterator[str]:
    n, m = found.seeds
    how = said["paired" if found.is_paired else "unpaired"].format(n=n, m=m)
    facts = letters | _difference(found, said) | {"how": how}
    if found.is_different:
        yield said["seed_different"].format(**facts)
        return
    yield said["seed_same"].format(**facts)
    needed = found.seeds_needed
    if needed is not None and needed > MOST:
        yield said["seeds_too_many"].format(most=MOST)
    elif needed is not None and needed > min(n, m):
        yield said["seeds_needed"].format(needed=needed, more=needed - min(n, m))
    if found.detectable is not None:
        yield said["seeds_detectable"].format(points=f"{100 * found.detectable:.2f}")


def _difference(found: ByImage | BySeed, said: dict[str, str]) -> dict[str, str]:
    low, high = found.interval or (0.0, 0.0)
    return {
        "better": said["better" if found.difference > 0 else "worse"],
        "points": f"{100 * abs(found.difference):.2f}",
        "signed": signed(found.difference),
        "low": signed(low),
        "high": signed(high),
    }
