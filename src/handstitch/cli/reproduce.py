"""handstitch reproduce."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from handstitch.cli import console
from handstitch.cli.flags import DataDir, Json
from handstitch.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from handstitch.reproduce import Finding, Findings, Setup, Stages

app = App(name="reproduce", help="Run a published experiment, judge its claims.")

_PAGE: Final = Path("docs", "reproduction.md")
_RUNS: Final = Path("runs", "reproduce-report")
_TITLE: Final = "# The report, reproduced"


@app.command
def report(
    *,
    seeds: Annotated[int, Parameter(metavar="K", help="seeds for each setting")] = 5,
    out: Annotated[Path, Parameter(metavar="FILE", help="page to write, in Markdown")] = _PAGE,
    runs: Annotated[
        Path, Parameter(metavar="FOLDER", help="where trials and runs are kept")
    ] = _RUNS,
    workers: Annotated[
        int | None,
        Parameter(
            metavar="N", help="processes, each training a trial (default: one for each core)"
        ),
    ] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Run the course report's experiment again, and judge every observation it makes.

    Its nine settings, the run it repeated and the work it leaves for the future are trained with
    several seeds: about a quarter of an hour on two cores. Each claim gets an effect, an interval
    and a verdict: holds, does not hold, cannot be told. What was trained is kept; the same
    command goes on where it was stopped.
    """
    from handstitch import reproduce
    from handstitch.cli.signals import stopping

    _require_sound(seeds, workers, out)
    setup = _setup(seeds, runs, workers, data_dir)
    try:
        with stopping(setup.stop, "the workers"):
            stages = reproduce.run(setup)
    except Interrupted as interrupted:
        console.notice("stopped; what is trained is kept. Go on with the same command:")
        console.command(f"handstitch reproduce report --seeds {seeds} --runs {_quoted(runs)}")
        return interrupted.exit_code
    findings = reproduce.findings(stages)
    _write(out, findings, stages)
    if json:
        console.emit({"page": str(out), "runs": str(runs), "findings": findings})
    else:
        _print(findings, out)
    return 0


def _setup(seeds: int, folder: Path, workers: int | None, data_dir: Path | None) -> Setup:
    from handstitch import machine, search
    from handstitch.reproduce import Setup

    count = machine.cores() if workers is None else workers

    def begun(stage: str, done: int, of: int) -> None:
        console.notice(
            f"{stage}: {of} to train" + (f", {done} of them done before" if done else "")
        )

    def after(stage: str, done: int, of: int) -> None:
        console.notice(f"{stage} [{done}/{of}]")

    return Setup(
        folder=folder,
        seeds=seeds,
        engine=lambda: search.engines.processes(count) if count else search.engines.serial(),
        data_dir=data_dir,
        notify=console.notice,
        begun=begun,
        after=after,
        stop=search.Stop(),
    )


def _require_sound(seeds: int, workers: int | None, out: Path) -> None:
    """Raise UsageError for numbers that cannot be, and for a file of somebody else's."""
    if not 1 <= seeds <= 100:
        raise UsageError(
            f"--seeds cannot be {seeds}",
            found=f"--seeds {seeds}",
            wanted="from 1 to 100; with 1 nothing can be told",
            fix="for example: --seeds 5",
        )
    if workers is not None and not 0 <= workers <= 1024:
        raise UsageError(
            f"--workers cannot be {workers}",
            found=f"--workers {workers}",
            wanted="from 0 (this process alone) to 1024",
            fix="leave it out: one for each core",
        )
    if out.is_dir():
        raise UsageError(
            "a file is wanted, and this is a folder",
            found=f"--out {out}",
            wanted="the page's name",
            fix=f"--out {_quoted(out / 'reproduction.md')}",
        )
    if out.exists() and not _is_ours(out):
        raise UsageError(
            "this file holds something else",
            file=out,
            found="no page of a reproduction",
            wanted="a name that is free, or an earlier reproduction",
            fix="choose another name: --out reproduction.md",
        )


def _is_ours(page: Path) -> bool:
    try:
        with page.open("rb") as file:
            return file.read(len(_TITLE)) == _TITLE.encode()
    except OSError:
        return False


def _write(out: Path, findings: Findings, stages: Stages) -> None:
    """The page and, beside it, its pictures in a folder of the page's name."""
    from handstitch import figures, machine, storage
    from handstitch.reproduce import page

    pictures: dict[str, bytes] = {}
    try:
        pictures = {name: figures.png(each) for name, each in page.figures(stages).items()}
    except figures.MissingMatplotlibError as error:
        console.notice(f"{error.problem}: {error.facts['found']}; the page has none")
    for name, content in pictures.items():
        storage.write(out.with_suffix("") / f"{name}.png", content)
    built = machine.build()
    versions = ", ".join(f"{name} {version}" for name, version in built.items())
    text = page.write(
        findings,
        stages,
        out.stem,
        drawn=bool(pictures),
        build=f"{machine.processor()}, {machine.cores()} cores; {versions}",
    )
    storage.write(out, text.encode())


def _print(findings: Findings, out: Path) -> None:
    _table(findings.observations, "What the report says")
    _table(findings.future_work, "The work it leaves")
    seeds = "1 seed" if findings.seeds == 1 else f"{findings.seeds} seeds"
    print(f"\n{findings.trials} trials and {findings.runs} repeated runs, {seeds} for each setting")
    print(f"Page: {out}")


def _table(findings: list[Finding], title: str) -> None:
    from handstitch.reproduce.findings import interval_of, shown

    table = console.table("", "claim", "effect", "95 % interval", "the report", "verdict")
    table.columns[1].justify = "left"
    for each in findings:
        claim = each.claim
        table.add_row(
            claim.name,
            claim.statement,
            shown(claim.effect, claim.unit),
            interval_of(claim),
            shown(each.report, claim.unit),
            claim.verdict,
        )
    console.show(table, title)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
