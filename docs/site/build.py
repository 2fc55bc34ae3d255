"""Build the documentation as a site: `make docs`, which is `python docs/site/build.py`.

    build/documentation/    input of zensical: the pages, and those generated from the code
    site/                   output; open site/index.html, no server is needed

A broken link, or anything that a page would fetch from elsewhere, is an error (exit code 1).
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import check
import notebook
import pages
import reference

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "docs" / "site"


def build(staged: Path, site: Path) -> list[str]:
    """Build the site into the folder `site` from pages gathered in `staged`; return the problems.

    Both folders are emptied first.
    """
    shutil.rmtree(staged, ignore_errors=True)
    shutil.rmtree(site, ignore_errors=True)
    into = staged / "pages"
    book = pages.Book(ROOT, into)
    for name, content in reference.pages().items():
        book.write(name, content)
    lesson = ROOT / "notebooks" / "fashion_mnist.ipynb"
    for name, content in notebook.pages(lesson).items():
        book.write(name, content, written_in=lesson)
    for page in sorted((ROOT / "docs").rglob("*.md")):
        book.add(page)
    problems = [*book.problems, *book.unlisted(configured := configuration(into))]
    (staged / "zensical.toml").write_text(configured, "utf-8")
    shutil.copytree(HERE / "theme", staged / "theme")
    for name in ("site.css", "worker.js"):
        shutil.copy(HERE / name, into / name)
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=staged,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        return [*problems, f"zensical: {done.stdout}{done.stderr}"]
    shutil.move(staged / "site", site)
    return [*problems, *check.problems(site)]


def configuration(into: Path) -> str:
    """zensical.toml, without the lines `# when written` of missing pages."""
    lines = (HERE / "zensical.toml").read_text("utf-8").splitlines()
    return "\n".join(
        line
        for line in lines
        if not line.endswith("# when written")
        or (into / re.findall(r'"([^"]+\.md)"', line)[0]).exists()
    )


def main() -> int:
    """Build, print the problems, and return the exit code."""
    parser = argparse.ArgumentParser(description="Build the documentation as a site.")
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="folder of the site")
    arguments = parser.parse_args()
    problems = build(ROOT / "build" / "documentation", arguments.out)
    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    if problems:
        return 1
    count = sum(1 for _ in arguments.out.rglob("*.html"))
    print(f"{count} pages, every link of them followed: open {arguments.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
