"""A ranking in sentences: which candidates are best, and how far the figures can be trusted."""

from __future__ import annotations

from typing import Any

from handstitch.config.precedence import as_flag
from handstitch.errors import printable
from handstitch.search.ranking import Ranking


def sentences(ranking: Ranking) -> list[str]:
    """What a reader should know before using the winner, most important first."""
    if ranking.winner is None:
        return ["No trial was trained to the end, so there is nothing to compare."]
    lines = [_winner(ranking), _criteria(ranking), _selection_bias(ranking)]
    if ranking.by == "best" and ranking.selection_bias is not None:
        lines.append(
            "Each best epoch is itself a maximum, on the images it is measured on; only the test "
            "set is free of both."
        )
    error = points(ranking.candidates[0].validation_error)
    lines.append(
        f"From its validation images alone one trial's accuracy has a standard error of {error}."
    )
    missing = len(ranking.failed_candidates) + sum(
        each.indistinguishable is None for each in ranking.candidates
    )
    if missing:
        subject = "1 candidate lacks" if missing == 1 else f"{missing} candidates lack"
        lines.append(
            f"{subject} finished trials and cannot be compared: a mean over fewer seeds is another "
            "figure."
        )
    if ranking.pruned:
        lines.append(
            "Trials were pruned: candidates were dropped on their first epochs, in the order in "
            "which trials came in, and none of what precedes speaks of those."
        )
    return lines


def named(parameters: dict[str, Any]) -> str:
    """A candidate as flags that give it: --learning-rate 0.001 --weight-decay 0."""
    return printable(" ".join(as_flag(name, value) for name, value in parameters.items()))


def points(fraction: float) -> str:
    """A difference of accuracies in percentage points."""
    return f"{100 * fraction:.2f} points"


def _winner(ranking: Ranking) -> str:
    name = named(ranking.candidates[0].parameters) or "the only candidate"
    compared = sum(each.indistinguishable is not None for each in ranking.candidates)
    if compared == 1:
        return f"Only {name} has all its trials: there is nothing to compare it with."
    if ranking.repeats < 2:
        return (
            f"Highest: {name}. With one seed for each candidate nothing is known of how much an "
            "accuracy changes from seed to seed: inconclusive, all are indistinguishable. Search "
            "with --seeds 5."
        )
    if ranking.critical_difference is None:
        return f"Best: {name}. Over {ranking.repeats} seeds every other candidate is lower."
    others, all_others = len(ranking.indistinguishable) - 1, compared - 1
    which = f"{others} of {all_others} others" if others < all_others else f"all {others} others"
    chance = ranking.critical_difference
    small = "any difference is" if chance >= 1 else f"differences below {points(chance)} are"
    return (
        f"Highest: {name}. Over {ranking.repeats} seeds it is indistinguishable from {which}: "
        f"{small} within chance."
    )


def _criteria(ranking: Ranking) -> str:
    by_best, by_last = ranking.winner_by_best_epoch, ranking.winner_by_last_epoch
    if by_best == by_last:
        return "The same candidate is highest by best epoch and by last epoch."
    names: dict[int | None, str] = {
        each.number: named(each.parameters) for each in ranking.candidates
    }
    return f"By best epoch {names[by_best]} is highest, by last epoch {names[by_last]}."


def _selection_bias(ranking: Ranking) -> str:
    if ranking.unbiased_score is None or ranking.selection_bias is None:
        return (
            "The highest of several noisy figures is too high as an estimate of itself; by how "
            "much is unknown with one seed."
        )
    luck = (
        f"about {points(ranking.selection_bias)} of the mean are luck."
        if ranking.selection_bias > 0
        else "picking the highest shows no bias here."
    )
    return (
        f"The winner's {ranking.candidates[0].mean:.4f} is the highest of several noisy means. "
        f"Chosen on all seeds but one and scored on that one, the choice gets "
        f"{ranking.unbiased_score:.4f}: {luck}"
    )
