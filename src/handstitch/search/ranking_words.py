"""A ranking in sentences: what can be told from it and what cannot."""

from __future__ import annotations

from typing import Any, Final

from handstitch.errors import printable
from handstitch.recipes import flags_of
from handstitch.search.ranking import Ranking, Setting
from handstitch.wording import format_value

_NAMED: Final = 6


def sentences(ranking: Ranking) -> list[str]:
    """What a reader should know before using the winner, most important first."""
    if ranking.winner is None:
        return ["No trial was trained to the end, so there is nothing to compare."]
    lines = [_winner(ranking), *_criteria(ranking), *_optimism(ranking), _images(ranking)]
    uncompared = [each for each in ranking.settings if each.tied is None]
    if uncompared or ranking.lost:
        count = len(uncompared) + len(ranking.lost)
        subject = "1 setting lacks" if count == 1 else f"{count} settings lack"
        lines.append(
            f"{subject} finished trials and cannot be compared: a mean over fewer seeds is another "
            "figure."
        )
    if ranking.pruned:
        lines.append(
            "Trials were pruned: settings were dropped on their first epochs, in the order in "
            "which trials came in, and none of what follows speaks of those."
        )
    return lines


def named(parameters: dict[str, Any]) -> str:
    """A setting as flags that give it: --learning-rate 0.001 --weight-decay 0."""
    return " ".join(_flag(flags_of(name)[0], value) for name, value in parameters.items())


def _flag(flag: str, value: object) -> str:
    if isinstance(value, bool):
        return flag if value else f"--no-{flag.removeprefix('--')}"
    return f"{flag} {printable(written(value))}"


def written(value: object) -> str:
    """A parameter's value as one word; the layers of a network are joined by commas."""
    if isinstance(value, list | tuple):
        return ",".join(map(written, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return format_value(value)


def points(fraction: float) -> str:
    """A difference of accuracies in percentage points."""
    return f"{100 * fraction:.2f} points"


def _winner(ranking: Ranking) -> str:
    best = ranking.settings[0]
    name = named(best.parameters) or "the only setting"
    others = [each for each in ranking.settings[1:] if each.tied]
    compared = sum(each.tied is not None for each in ranking.settings)
    if compared == 1:
        return f"Only {name} has all its trials: there is nothing to compare it with."
    if ranking.repeats < 2:
        return (
            f"Highest: {name}. With one seed for each setting nothing is known of how much an "
            "accuracy changes from seed to seed, so no setting can be told from another. Search "
            "with --seeds 5."
        )
    over = f"over {ranking.repeats} seeds"
    if not others:
        return f"Best: {name}. {over.capitalize()} it can be told from every other setting."
    return (
        f"Highest: {name}. {over.capitalize()} it cannot be told from "
        f"{_several(others, compared)}. {_chance(ranking)}"
    )


def _several(others: list[Setting], compared: int) -> str:
    if len(others) == compared - 1 and len(others) > 1:
        return f"any of the other {len(others)} settings"
    names = "; ".join(named(each.parameters) for each in others[:_NAMED])
    more = f"; and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    count = "1 other" if len(others) == 1 else f"{len(others)} others"
    return f"{count} ({names}{more})"


def _chance(ranking: Ranking) -> str:
    if ranking.chance_range is None:
        return ""
    return (
        f"Chance alone puts up to {points(ranking.chance_range)} between the highest and the "
        f"lowest of {len(ranking.tied)} equal settings."
    )


def _criteria(ranking: Ranking) -> list[str]:
    if ranking.winner_by_best_epoch == ranking.winner_by_last_epoch:
        return ["The same setting is highest by best epoch and by last epoch."]
    names: dict[int | None, str] = {
        each.setting: named(each.parameters) for each in ranking.settings
    }
    by_best, by_last = ranking.winner_by_best_epoch, ranking.winner_by_last_epoch
    return [f"By best epoch {names[by_best]} is highest, by last epoch {names[by_last]}."]


def _optimism(ranking: Ranking) -> list[str]:
    if ranking.score_of_choice is None or ranking.optimism is None:
        unknown = (
            "The highest of several noisy figures is too high as an estimate of itself; by how "
            "much cannot be said from one seed."
        )
        return [unknown]
    if ranking.optimism > 0:
        luck = f"about {points(ranking.optimism)} of the mean are luck."
    else:
        luck = "here picking the highest added nothing that can be seen."
    said = (
        f"The winner's {ranking.settings[0].mean:.4f} is the highest of several noisy means. "
        f"Chosen on all seeds but one and looked up on that one, the choice gets "
        f"{ranking.score_of_choice:.4f}: {luck}"
    )
    lines = [said]
    if ranking.by == "best":
        lines.append(
            "Each best epoch is itself a maximum, on the images it is measured on; only the test "
            "set is free of both."
        )
    return lines


def _images(ranking: Ranking) -> str:
    best = ranking.settings[0]
    return (
        f"From its validation images alone one trial's accuracy has a standard error of "
        f"{points(best.validation_error)}."
    )
