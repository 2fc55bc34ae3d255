"""The page of a run, with its pictures and its model card, over all runs, of a search, of a data
set and of a comparison.

    handstitch.report.make("runs/train").page
    handstitch.report.make_all("runs").page
    handstitch.report.make_search("runs/search").page

The page is a function of the run's folder, of its data set where that is available, and of the
language. It is a single file without external resources, and but for that over all runs without
scripts.

gather       the contents of a run
languages    the words of the page: en.toml, zh.toml
layouts      a chart as inline SVG, laid out for telephone, tablet and wide window
charts       its charts, with alternative texts
pictures     its grids of images: mistakes, maps and tiles of weights
tables       its tables
page         all of it put into the template
data_page    the page of a data set's examination
comparison_sentences   a comparison in words
comparison_page        the page of a comparison

collection     all runs below a folder, and their recipes
inline_charts  charts within a table
run_table      the table of many runs
all_runs       the page over them
search_page    the page of a search
parameter_effects  accuracy at each value of a parameter
explanation  explanations of answers, for it and for explanation_page, which has no others
microscope   the page of a training step
formulas     formulas as MathML
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from handstitch import storage
from handstitch.report.all_runs import make_all
from handstitch.report.charts import draw_charts
from handstitch.report.comparison_page import page_of_comparison
from handstitch.report.comparison_sentences import sentences as sentences_of_comparison
from handstitch.report.data_page import page_of_data
from handstitch.report.explanation_page import page_of_explanations
from handstitch.report.gather import Missing, Part, gather
from handstitch.report.languages import Lang, words
from handstitch.report.microscope import page_of_step
from handstitch.report.page import render
from handstitch.report.search_page import make_search
from handstitch.runs import model_card
from handstitch.runs.folder import CARD, PAGE

__all__ = [
    "Lang",
    "Missing",
    "Part",
    "WrittenReport",
    "make",
    "make_all",
    "make_search",
    "page_of_comparison",
    "page_of_data",
    "page_of_explanations",
    "page_of_step",
    "sentences_of_comparison",
]


class WrittenReport(NamedTuple):
    """The files that `make` wrote, and what they show."""

    page: Path
    pictures: list[Path]
    card: Path | None
    """None while the run is not finished."""
    part: Part | None
    """The part of the data that the figures are of; None where there are none."""
    missing: list[Missing]
    """What the page lacks."""


def make(
    folder: str | Path,
    lang: Lang = "en",
    *,
    out: str | Path | None = None,
    data_dir: str | Path | None = None,
    dataset: str | Path | None = None,
) -> WrittenReport:
    """Make the page of the run in `folder`, its pictures and its model card, there or in `out`.

    `dataset` is the path where the run's own data are now, on a machine that never opened them.
    Nothing is fetched, and the test set is not evaluated: without a test evaluation in the log,
    the figures are those of validation. Raises UsageError if there is no run, ConfigError if its
    settings cannot be read, MachineError if a file cannot be written.
    """
    target = Path(folder if out is None else out)
    run = gather(Path(folder), data_dir, dataset)
    charts = draw_charts(run, words(lang), lang)
    files = {**charts.files, PAGE: render(run, charts, words(lang)).encode()}
    if run.summary is not None:
        files[CARD] = model_card.write(
            run.summary,
            run.config,
            run.evaluation if run.part == "test" else None,
            len(run.test_log),
            charts.files,
        ).encode()
    for name, data in files.items():
        # They can be made again, so none waits for the disk.
        storage.write(storage.inside(target, name), data, durable=False)
    return WrittenReport(
        page=target / PAGE,
        pictures=[target / name for name in charts.files],
        card=target / CARD if CARD in files else None,
        part=None if run.is_unmeasured else run.part,
        missing=run.missing,
    )
