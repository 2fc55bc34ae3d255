"""handstitch data doctor: duplicates, likely label errors, balance and drift of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from handstitch.cli import output
from handstitch.cli.flags import DataDir, Json, Language, resolve, with_settings
from handstitch.cli.progress import progress
from handstitch.errors import printable
from handstitch.records import ReadingOptions

if TYPE_CHECKING:
    from handstitch.doctor import Findings, Stage

_SHOWN: Final = {"train": 10}
"""Suspects of a part in the terminal; 5 of any other."""
_STAGES: Final = {
    "duplicates": "Duplicates",
    "labels": "Labels, by networks that did not see them",
    "drift": "Drift",
}


@with_settings(*ReadingOptions.__struct_fields__, "seed", "threads", "backend")
def doctor(
    name: Annotated[str, Parameter(help="data set: a name, or the path of your own")] = "auto",
    /,
    *,
    out: Annotated[
        Path | None, Parameter(metavar="FILE", help="page with the pictures to write (.html)")
    ] = None,
    lang: Language = "en",
    data_dir: DataDir = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Find duplicates, likely label errors, constant images, imbalance and drift.

    Five quick networks judge the labels, each those that it has not seen. A finding is a question:
    look at the picture before you change a label. With --out all of them are on one page.
    """
    import msgspec

    from handstitch import doctor as doctors
    from handstitch import report, storage
    from handstitch.data import sources

    if out is not None:
        output.require_page(out)
    config = resolve(settings, None, None).config
    source = sources.resolve(name, data_dir, ReadingOptions.of(config.to_dict()))
    if source.reason:
        output.notice(f"this is sketch, drawn data: {source.reason}")
    with progress(_STAGES["duplicates"]) as tell:

        def report_stage(stage: Stage, done: float) -> None:
            tell(_STAGES[stage], done)

        found = doctors.examine(source, config, report_stage)
    if out is not None:
        with progress("Page"):
            page = report.page_of_data(found, doctors.parts_of(source), lang).encode()
            storage.write(out, page, durable=False)
    if json:
        output.print_json({"page": out and str(out)} | msgspec.to_builtins(found))
        return
    _print(found)
    if out is not None:
        print()
        output.print_page(out)
    else:
        output.notice("for a page with the pictures, add --out FILE.html")


def _print(found: Findings) -> None:
    from handstitch.report.languages import words

    said = words("en").doctor
    print(f"{printable(found.title)}, {found.location}")
    output.print_table(
        ("part", "samples", "balance", "constant"),
        (
            (part.part, f"{part.images:,}", f"{part.balance:.3f}", f"{part.constant:,}")
            for part in found.parts
        ),
    )
    output.print_table(
        ("kind", "groups", "samples", "leaked from training", "labels differ"),
        (
            (kind, *(f"{number:,}" for number in _numbers(counts)))
            for kind, counts in found.duplicates.items()
        ),
        "Duplicates",
    )
    for part in found.labels:
        shown = part.suspects[: _SHOWN.get(part.part, 5)]
        output.print_table(
            ("sample", "label", "rather", "p(label)"),
            (
                (
                    suspect.sample.file or f"{suspect.sample.position}",
                    suspect.sample.label,
                    suspect.suggested,
                    f"{suspect.self_confidence:.2g}",
                )
                for suspect in shown
            ),
            f"Labels of {part.part}: {part.contradictions:,} confidently contradicted; "
            f"the first {len(shown)} to look at",
            words=3,
        )
    output.print_table(
        ("part", "AUC", "of one source", "p", "p of the class counts"),
        (
            (
                each.part,
                f"{each.auc:.3f}",
                f"0.500 ± {each.auc_deviation:.3f}",
                f"{each.auc_p:.2g}",
                "–" if each.classes_p is None else f"{each.classes_p:.2g}",
            )
            for each in found.drift
        ),
        "Drift: how well a network tells the part from training",
    )
    for item in found.skipped:
        print()
        output.say(said["skipped"][item])


def _numbers(counts: Any) -> tuple[int, ...]:
    return (counts.groups, counts.samples, counts.leaked, counts.labels_differ)
