"""Every file of a run and a search made hostile, read by every verb: `make hostile`.

python -m tests.hostile --every 1 --draw
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.hostile.cases import (
    RUN_FILES,
    RUN_VERBS,
    SEARCH_FILES,
    SEARCH_VERBS,
    attack,
    changed,
    prepare,
    treatments,
)

Case = tuple[str, str, str, tuple[str, ...], Callable[[Path], object]]
RECORDS = {
    "run/config.toml": ("show", "resume"),
    "run/history.csv": ("show", "report", "resume"),
    "run/summary.json": ("report",),
    "run/origin.json": ("test",),
    "run/test/log.json": ("test", "report"),
    "search/search.json": ("show SEARCH", "search", "from-search", "test TRIAL"),
    "search/trials/0001/trial.json": ("show SEARCH", "search", "from-search"),
    "search/test/log.json": ("test TRIAL",),
}
"""Record → the verbs that read it."""
FAULTS = ("hang", "bug", "write outside", "read outside")


def replaced() -> Iterator[Case]:
    """Each file replaced by each of the things that it should not be."""
    for folder, files, verbs in (
        ("run", RUN_FILES, RUN_VERBS),
        ("search", SEARCH_FILES, SEARCH_VERBS),
    ):
        for file in files:
            for what, put in treatments().items():
                for verb, words in verbs.items():
                    yield what, f"{folder}/{file}", verb, words, put


def edited(base: Path) -> Iterator[Case]:
    """Each record with each of its fields at its ends."""
    verbs = RUN_VERBS | SEARCH_VERBS
    for file, readers in RECORDS.items():
        source = base / file if (base / file).exists() else base / Path(file).name
        for what, content in changed(source.read_bytes()):
            for verb in readers:
                yield (
                    f"fields of {file}",
                    file,
                    f"{verb}, {what}",
                    verbs[verb],
                    partial(Path.write_bytes, data=content),
                )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every N-th case")
    parser.add_argument("--start", type=int, default=0, help="the first case")
    parser.add_argument("--draw", action="store_true", help="draw pictures, which takes longer")
    given = parser.parse_args()
    rows: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder).resolve()
        prepare(base)
        cases = [*replaced(), *edited(base)][given.start :: given.every]
        for what, file, verb, words, put in cases:
            row = rows.setdefault(what, Counter())
            outcome = attack(base, file, words, put, draws=given.draw)
            row["cases"] += 1
            row["answered"] += outcome.code in {2, 3, 4, 5, 6}
            row.update(outcome.faults)
            if outcome.faults:
                print(f"{', '.join(outcome.faults)}: {file}, {what}, {verb}: {outcome.code}")
                print(outcome.text[-1500:], flush=True)
    columns = ("cases", "answered", *FAULTS)
    print(f"{'':40}" + "".join(f"{name:>15}" for name in columns))
    for what, row in [*rows.items(), ("all", sum(rows.values(), Counter()))]:
        print(f"{what:40}" + "".join(f"{row[name]:15,}" for name in columns))
    return any(row[fault] for row in rows.values() for fault in FAULTS)


if __name__ == "__main__":
    sys.exit(main())
