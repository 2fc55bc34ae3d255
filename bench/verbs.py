"""Seconds of whole commands on one run, of this source tree and of an earlier one, in turn.

    git worktree add ../before base14
    .venv/bin/python bench/verbs.py ../before/src

Prints the median of each command, and of the ratio within a pair. Nothing else may be running.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from processes import OURS, ROOT, run

START = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module('handstitch', run_name='__main__')"
)
VERBS = {
    "test": ("test", "run"),
    "show": ("show", "run"),
    "resume, of a finished run": ("train", "--resume", "run"),
}


def main() -> None:
    """Train a run with each tree, then each verb in turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("before", type=Path, help="src of the earlier tree")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--dataset", default="fashion-mnist")
    given = parser.parse_args()
    trees = {"before": given.before.resolve(), "now": ROOT / "src"}
    with tempfile.TemporaryDirectory() as name:
        folders = {tree: Path(name, tree) for tree in trees}

        def seconds(tree: str, *words: str) -> float:
            command = [OURS, "-c", START, str(trees[tree]), *words]
            return float(run(command, folders[tree])["wall_seconds"])

        for tree, folder in folders.items():
            folder.mkdir()
            seconds(tree, "train", "--dataset", given.dataset, "--epochs", "2", "--out", "run")
        print("| command | before | now | ratio |\n|---|---|---|---|")
        for verb, words in VERBS.items():
            for tree in trees:
                seconds(tree, *words)  # files in the system's cache
            pairs = [[seconds(tree, *words) for tree in trees] for _ in range(given.pairs)]
            before, now = (median(column) for column in zip(*pairs, strict=True))
            ratio = median(late / early for early, late in pairs)
            print(f"| {verb} | {before:.3f} s | {now:.3f} s | {ratio:.3f} |", flush=True)


if __name__ == "__main__":
    main()
