"""Every file of a run and a search made hostile, read by every verb: `make hostile`.

python -m tests.hostile --every 1 --draw
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from tests.hostile.attack import attack
from tests.hostile.cases import Words, changed, files_of, prepare, records_of, treatments

Case = tuple[str, str, str, Words, Callable[[Path], object]]
FAULTS = ("hang", "bug", "memory", "write outside", "read outside")


def cases_of(base: Path) -> Iterator[Case]:
    """Each file replaced by each thing that it should not be; each record with each change."""
    for file, verbs in files_of(base).items():
        for what, put in treatments().items():
            for verb, words in verbs.items():
                is_named = any(f"{word}/".startswith(f"{file}/") for word in words)
                if not (is_named and "link" in what):  # a path that is named may be a link
                    yield what, file, verb, words, put
    for file, content, verbs in records_of(base):
        for change, data in changed(file, content):
            put = partial(Path.write_bytes, data=data)
            for verb, words in verbs.items():
                yield f"fields of {file}", file, f"{change}, {verb}", words, put


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every N-th case")
    parser.add_argument("--start", type=int, default=0, help="the first case")
    parser.add_argument("--only", default="", help="only cases whose description has this text")
    parser.add_argument("--draw", action="store_true", help="draw pictures, which takes longer")
    given = parser.parse_args()
    rows: dict[str, Counter[str]] = {}
    slowest, largest = (0.0, ""), (0, "")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder).resolve()
        prepare(base)
        gc.freeze()  # a fork copies no page that it only reads
        cases = [case for case in cases_of(base) if given.only in ", ".join(case[:3])]
        with suppress(KeyboardInterrupt):  # the table is of what was done so far
            for what, file, verb, words, put in cases[given.start :: given.every]:
                row = rows.setdefault(what, Counter())
                outcome = attack(base, file, words, put, draws=given.draw)
                name = f"{file}, {what}, {verb}"
                row["cases"] += 1
                row["answered"] += outcome.code in {2, 3, 4, 5, 6}
                row.update(outcome.faults)
                slowest = max(slowest, (outcome.seconds, name))
                largest = max(largest, (outcome.growth, name))
                if outcome.faults:
                    print(f"{', '.join(outcome.faults)}: {name}: {outcome.code}")
                    print(
                        *outcome.read, *outcome.written, outcome.text[-1500:], sep="\n", flush=True
                    )
    columns = ("cases", "answered", *FAULTS)
    print(f"{'':40}" + "".join(f"{name:>14}" for name in columns))
    for what, row in [*rows.items(), ("all", sum(rows.values(), Counter()))]:
        print(f"{what:40}" + "".join(f"{row[name]:14,}" for name in columns))
    print(f"longest: {slowest[0]:.1f} s: {slowest[1]}")
    print(f"most memory: {largest[0] / 2**20:.0f} MiB: {largest[1]}")
    return any(row[fault] for row in rows.values() for fault in FAULTS)


if __name__ == "__main__":
    sys.exit(main())
