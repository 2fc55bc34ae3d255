"""Reproduce the course report: train its experiment again and judge every observation it makes.

Its nine candidates, the run it repeated and the work it leaves for the future are trained with
several seeds: about a quarter of an hour on two cores. Each claim gets an effect, an interval and
a verdict: holds, does not hold, inconclusive. Finished trials are kept, and the same command
resumes a reproduction that was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from handstitch import figures, machine, search, storage
from handstitch.cli.notices import log_notices
from handstitch.cli.output import notice
from handstitch.cli.signals import stopping
from handstitch.config.messages import pretty_json
from handstitch.errors import HandstitchError, Interrupted, UsageError
from reproduction import experiments, page, pictures
from reproduction.claims import format_effect, format_interval
from reproduction.experiments import Results, Setup
from reproduction.judgement import Judgement, judge


def arguments() -> argparse.ArgumentParser:
    """The parser of the command line."""
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
        help="worker processes; 0: train in this one (default: one for each core)",
    )
    parser.add_argument("--data-dir", metavar="FOLDER", type=Path, help="where the data set is")
    parser.add_argument("--json", action="store_true", help="print the verdicts as one object")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Train, judge, write the page; the exit code (see `handstitch.errors`)."""
    chosen = arguments().parse_args(words)
    try:
        _require_free(chosen.out)
        setup = Setup(
            folder=chosen.runs,
            seeds=chosen.seeds,
            workers=lambda: (
                search.executors.processes(chosen.workers)
                if chosen.workers
                else search.executors.serial()
            ),
            data_dir=chosen.data_dir,
        )
        with log_notices(), log_notices("reproduction"), stopping(setup.stop, "the workers"):
            results = experiments.run(setup)
        judgement = judge(results)
        _write(chosen.out, judgement, results)
    except HandstitchError as error:
        print(f"reproduction: error: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as interrupted:
        notice("stopped; finished trials are kept, and the same command resumes", "reproduction")
        return interrupted.exit_code
    if chosen.json:
        found = {"page": str(chosen.out), "runs": str(chosen.runs), "judgement": judgement}
        print(pretty_json(found).decode(), end="")
    else:
        _print(judgement)
        print(f"Page: {chosen.out}")
    return 0


def _from(low: int, high: int) -> Callable[[str], int]:
    """A whole number between these, for argparse."""

    def number(word: str) -> int:
        if not word.isdecimal() or not low <= int(word) <= high:
            raise argparse.ArgumentTypeError(f"{word!r} is no whole number from {low} to {high}")
        return int(word)

    return number


def _require_free(out: Path) -> None:
    """Raise UsageError if the page would replace something else."""
    if out.is_dir() or (out.exists() and not out.read_bytes().startswith(page.TITLE.encode())):
        raise UsageError(
            "the page would replace something else",
            file=out,
            found="a folder" if out.is_dir() else "a file that is not a reproduction",
            wanted="a new file, or an earlier reproduction",
            fix="choose another: --out reproduction.md",
        )


def _write(out: Path, judgement: Judgement, results: Results) -> None:
    """Write the page, and its figures in a folder of the same name."""
    for name, figure in pictures.draw(results).items():
        storage.write(out.with_suffix("") / f"{name}.png", figures.png(figure))
    versions = ", ".join(f"{name} {version}" for name, version in machine.build_info().items())
    text = page.write(
        judgement, results, out.stem, f"{machine.processor()}, {machine.cores()} cores; {versions}"
    )
    storage.write(out, text.encode())


def _print(judgement: Judgement) -> None:
    heads = "verdict", "effect", "95 % interval", "the report", "claim"
    print("{:8} {:13} {:>15} {:>18} {:>15}  {}".format("", *heads))
    for each in (*judgement.observations, *judgement.future_work):
        claim, effect = each.claim, each.effect
        print(
            f"{claim.name:8} {effect.verdict:13} {format_effect(effect.value, claim.unit):>15} "
            f"{format_interval(effect.interval, claim.unit):>18} "
            f"{format_effect(each.report, claim.unit):>15}  {claim.statement}"
        )


if __name__ == "__main__":
    sys.exit(main())
