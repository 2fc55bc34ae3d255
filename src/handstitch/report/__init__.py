"""One page for each run, with its pictures and its model card.

    handstitch.report.make("runs/train").page

The page is a function of the run's folder, of the data where they are at hand, and of the
language. It is one file: what it shows is in it, and it fetches and runs nothing.

findings     what is known of a run
languages    what the page says: en.toml, zh.toml
drawings     its pictures, each with the text that stands for it
tables       its tables
page         all of it put into the template
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from handstitch import storage
from handstitch.report.charts import draw
from handstitch.report.gather import Missing, Notify, Part, gather
from handstitch.report.languages import Lang, words
from handstitch.report.page import render
from handstitch.runs import model_card
from handstitch.runs.folder import CARD, PAGE

__all__ = ["Lang", "Made", "Missing", "Part", "make"]


class Made(NamedTuple):
    """What `make` wrote."""

    page: Path
    pictures: list[Path]
    card: Path | None
    """None while the run is not finished."""
    part: Part
    """What the figures are of."""
    missing: list[Missing]
    """What the page has to do without."""


def make(
    folder: str | Path,
    lang: Lang = "en",
    *,
    out: str | Path | None = None,
    data_dir: str | Path | None = None,
    notify: Notify = lambda line: None,
) -> Made:
    """Make the page of the run in `folder`, its pictures and its model card, there or in `out`.

    Nothing is fetched, and no look at the test set is taken: without one on record, the figures
    are those of validation. Raises UsageError if there is no run, ConfigError if its settings
    cannot be read, MachineError if the disk does not take a file or matplotlib is missing.
    """
    folder = Path(folder)
    target = folder if out is None else Path(out)
    found = gather(folder, data_dir, notify)
    said = words(lang)
    drawn = draw(found, said, lang, notify)
    page = render(found, drawn, said).encode()
    files = {**drawn.files, PAGE: page}
    if found.summary is not None:
        test = found.evaluation if found.part == "test" else None
        card = model_card.write(found.summary, found.config, test, len(found.looks), drawn.files)
        files[CARD] = card.encode()
    for name, data in files.items():
        # Each can be made again, so none waits for the disk.
        storage.write(target / name, data, durable=False)
    return Made(
        page=target / PAGE,
        pictures=[target / name for name in drawn.files],
        card=target / CARD if CARD in files else None,
        part=found.part,
        missing=found.missing,
    )
