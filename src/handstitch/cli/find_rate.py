"""handstitch train --find-rate: the learning-rate range test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from handstitch.cli import output, pictures
from handstitch.cli.progress import progress
from handstitch.config import Config

if TYPE_CHECKING:
    from handstitch.config import Config

_PICTURE: Final = Path("learning_rate.png")


def find_rate(
    config: Config,
    out: Path | None,
    data_dir: Path | None,
    given: dict[str, Any],
    *,
    json: bool,
) -> None:
    """Train some hundred steps with growing rates; print and draw what they did to the loss.

    `given` are the words of the flags of this command, for the next one.
    """
    from handstitch import figures
    from handstitch.data import sources
    from handstitch.records import ReadingOptions
    from handstitch.training.rate_test import range_test

    if out is not None and not out.suffix:  # the folder that a run would have
        out /= _PICTURE
    picture = pictures.with_suffix(out or _PICTURE, _PICTURE.name)
    options = ReadingOptions.of(config.to_dict())
    source = sources.resolve(config.dataset, data_dir, options)
    if source.name == "sketch":
        output.say_sketch("train", source.reason)
    data = source.load("train")
    with progress("Growing learning rates"):
        test = range_test(config, data)
    if not json:
        print(
            f"{len(test.rates)} steps on {source.name}, batch size {config.batch_size:,}, "
            f"{config.optimizer}\n"
            f"The loss falls fastest at a learning rate of {test.steepest:.2g} and is lowest at "
            f"{test.lowest:.2g} ({min(test.losses):.2f}).\n"
            f"A rate to begin with, midway between the two: {test.suggestion:.2g}\n"
            "Train with it: "
            + output.command_line("train", **given, learning_rate=f"{test.suggestion:.2g}")
        )
    facts = test._asdict() | {"suggestion": test.suggestion, "dataset": source.name}
    pictures.present(
        facts,
        lambda lang: figures.rate_test(test, lang),
        picture,
        "en",
        asked=out is not None,
        json=json,
    )
