"""Run the course report's experiment again, and judge every observation it makes.

Its nine candidates, the run it repeated and the work it leaves for the future are trained with
several seeds: about a quarter of an hour on two cores. Each claim gets an effect, an interval and
a verdict: holds, does not hold, inconclusive. What was trained is kept; the same command goes on
where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from handstitch import figures, machine, search, storage
from handstitch.cli.signals import stopping
from handstitch.errors import HandstitchError, Interrupted, UsageError
from reproduction import experiments, page, pictures
from reproduction.claims import shown, shown_interval
from reproduction.experiments import Setup, Stages
from reproduction.findings import Findings, judge


def arguments() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        prog="python -m reproduction",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seeds", metavar="K", type=_from(1, 100), default=5, help="for each candidate"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        default=Path("docs", "reproduction.md"),
        help="page to write, in Markdown; its pictures are put in a folder of its name",
    )
    parser.add_argument(
        "--runs",
        metavar="FOLDER",
        type=Path,
        default=Path("runs", "reproduction"),
        help="where trials and runs are kept",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=_from(0, 1024),
        default=machine.cores(),
        help="processes, each training a trial; 0: this one alone (default: one for each core)",
    )
    parser.add_argument("--data-dir", metavar="FOLDER", type=Path, help="where the data set is")
    parser.add_argument("--json", action="store_true", help="print the findings as one object")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Train, judge, write the page; the exit code (see `handstitch.errors`)."""
    chosen = arguments().parse_args(words)
    try:
        _require_free(chosen.out)
        setup = Setup(
            folder=chosen.runs,
            seeds=chosen.seeds,
            engine=lambda: (
                search.executors.processes(chosen.workers)
                if chosen.workers
                else search.executors.serial()
            ),
            data_dir=chosen.data_dir,
            notify=_notify,
        )
        with stopping(setup.stop, "the workers"):
            stages = experiments.run(setup)
        findings = judge(stages)
        _write(chosen.out, findings, stages)
    except HandstitchError as error:
        _notify(f"error: {error}")
        return error.exit_code
    except Interrupted as interrupted:
        _notify("stopped; what is trained is kept, and the same command goes on")
        return interrupted.exit_code
    if chosen.json:
        told = {"page": str(chosen.out), "runs": str(chosen.runs), "findings": findings}
        print(json.dumps(msgspec.to_builtins(told), indent=2))
    else:
        _print(findings)
        print(f"Page: {chosen.out}")
    return 0


def _notify(line: str) -> None:
    print(f"reproduction: {line}", file=sys.stderr)


def _from(low: int, high: int) -> Callable[[str], int]:
    """A whole number between these, for argparse."""

    def number(word: str) -> int:
        if not word.isdecimal() or not low <= int(word) <= high:
            raise argparse.ArgumentTypeError(f"{word!r} is no whole number from {low} to {high}")
        return int(word)

    return number


def _require_free(out: Path) -> None:
    """Raise UsageError where the page would take the place of something else."""
    if out.is_dir() or (out.exists() and not out.read_bytes().startswith(page.TITLE.encode())):
        raise UsageError(
            "this place is taken by something else",
            file=out,
            found="a folder" if out.is_dir() else "no page of a reproduction",
            wanted="a name that is free, or an earlier reproduction",
            fix="choose another: --out reproduction.md",
        )


def _write(out: Path, findings: Findings, stages: Stages) -> None:
    """The page and, beside it, its pictures in a folder of the page's name."""
    for name, figure in pictures.draw(stages).items():
        storage.write(out.with_suffix("") / f"{name}.png", figures.png(figure))
    versions = ", ".join(f"{name} {version}" for name, version in machine.build_info().items())
    text = page.write(
        findings, stages, out.stem, f"{machine.processor()}, {machine.cores()} cores; {versions}"
    )
    storage.write(out, text.encode())


def _print(findings: Findings) -> None:
    heads = "verdict", "effect", "95 % interval", "the report", "claim"
    print("{:8} {:13} {:>15} {:>18} {:>15}  {}".format("", *heads))
    for each in (*findings.observations, *findings.future_work):
        claim, measured = each.claim, each.measured
        print(
            f"{claim.name:8} {measured.verdict:13} {shown(measured.effect, claim.unit):>15} "
            f"{shown_interval(measured.interval, claim.unit):>18} "
            f"{shown(each.report, claim.unit):>15}  {claim.statement}"
        )


if __name__ == "__main__":
    sys.exit(main())
