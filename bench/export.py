"""Exported files asked for the 10,000 test images of Fashion-MNIST, and C headers timed.

    .venv/bin/python bench/export.py

Prints the tables of docs/howto/export.md, for the network in the package and for the preset
`course` after 5 epochs; exits with 1 where a file of full precision answers otherwise than its
network, or int8 costs more than 0.3 points.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from shutil import which

import numpy as np

import handstitch as hs
from handstitch import export
from handstitch.data import loading
from handstitch.export.c_header import prefix

CLOSE, POINTS, MICROSECONDS = 1e-5, 0.3, 100
TIMER = """
#include <stdio.h>
#include <time.h>
#include {file}
static uint8_t x[10000][{NAME}_INPUTS];
int main(void) {{
    float p[{NAME}_CLASSES], sum = 0;
    double fastest = 1e9;
    const size_t n = fread(x, sizeof *x, 10000, stdin);
    for (int pass = 0; pass < {passes}; pass++) {{
        struct timespec a, b;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        for (size_t i = 0; i < n; i++) {{ {name}_probabilities(x[i], p); sum += p[0]; }}
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
        const double us = ((b.tv_sec - a.tv_sec) * 1e6 + (b.tv_nsec - a.tv_nsec) * 1e-3) / n;
        if (us < fastest) fastest = us;
    }}
    printf("%.3f %g\\n", fastest, (double)sum);
    return 0;
}}
"""


def main() -> None:
    """Print both tables of both networks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--passes", type=int, default=7)
    given = parser.parse_args()
    test = loading.load("fashion-mnist", "test")
    images, labels = np.ascontiguousarray(test.images), test.labels
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = hs.Config.preset("course", epochs=given.epochs, threads=1)
        hs.train(config, "fashion-mnist", folder / "run")
        networks = {
            f"course, {given.epochs} epochs": hs.load(folder / "run"),
            "in the package": hs.pretrained(),
        }
        failed = [
            found
            for title, classifier in networks.items()
            for found in [*answers(title, classifier, images, labels, folder)]
        ]
        for title in networks:
            speed(title, folder, images, given.passes)
    sys.exit(f"bench: {', '.join(failed)}" if failed else 0)


def answers(title, classifier, images, labels, folder):
    """Print how each file of the network answers; yield those that do not answer as they must."""
    print(f"\n| {title} | bytes | another class | of these clear | largest difference | accuracy |")
    print("|---|---|---|---|---|---|")
    print(f"| the network | – | – | – | – | {classifier.score(images, labels):.4f} |", flush=True)
    for kind, form in export.FORMATS.items():
        path = folder / f"{kind}_{prefix(title)}{'.h' if kind.startswith('c') else ''}"
        size = export.write(classifier.model, path, kind)
        P = form.ask(path, images)
        if P is None:
            print(f"| {form.title} | {size:,} | not asked: nothing here runs it | | | |")
            continue
        found = export.agreement(classifier.model, lambda _, P=P: P, images)
        accuracy = float(np.mean(P.argmax(axis=1) == labels))
        print(
            f"| {form.title} | {size:,} | {found.other} | {found.other_and_clear} | "
            f"{found.largest:.1e} | {accuracy:.4f} |",
            flush=True,
        )
        lost = 100 * abs(accuracy - classifier.score(images, labels))
        exact = not found.other_and_clear and found.largest <= CLOSE
        if lost > POINTS if kind == "c_int8" else not exact:
            yield f"{form.title} of {title}"


def speed(title, folder, images, passes):
    """Print µs of an image, one at a time, by each compiler that is there."""
    print(f"\n| {title} | float32, µs | int8, µs | at most {MICROSECONDS} |\n|---|---|---|---|")
    for compiler in filter(which, ("gcc", "clang")):
        asked = partial(microseconds, compiler, images=images, passes=passes)
        each = [asked(folder / f"{kind}_{prefix(title)}.h") for kind in ("c", "c_int8")]
        met = "yes" if max(each) <= MICROSECONDS else "**no**"
        print(f"| {version(compiler)} | {each[0]:.1f} | {each[1]:.1f} | {met} |", flush=True)


def microseconds(compiler, path, images, passes):
    """Of the processor for an image: the mean of 10,000, of the fastest pass."""
    name, program = prefix(path), path.with_suffix(".out")
    text = TIMER.format(file=f'"{path}"', name=name, NAME=name.upper(), passes=passes)
    flags = ["-std=gnu99", "-O3", "-march=native", "-x", "c", "-", "-lm", "-o", program]
    subprocess.run([compiler, *flags], input=text.encode(), check=True)
    done = subprocess.run([program], input=images.tobytes(), check=True, capture_output=True)
    return float(done.stdout.split()[0])


def version(compiler):
    """The first line of what it says of itself."""
    done = subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True)
    return done.stdout.partition("\n")[0]


if __name__ == "__main__":
    main()
