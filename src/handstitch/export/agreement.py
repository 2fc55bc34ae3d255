"""Agreement of a file with the network that it was written from: both are asked the same."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from handstitch.arrays import Images, Matrix
from handstitch.core.network import Network
from handstitch.errors import MachineError
from handstitch.evaluation import Evaluator
from handstitch.export.c_header import prefix
from handstitch.model import Model
from handstitch.model.classifier import Classifier
from handstitch.storage.atomic import temporary

CLOSE: Final = 1e-5
"""Two highest probabilities nearer to each other than this may be taken for one another."""
MOST: Final = 10_000
"""Samples that are asked for at most; fewer of large ones."""
_BYTES: Final = 2**28
_ASK: Final = """
import io, runpy, sys
import numpy as np
predict_proba = runpy.run_path(sys.argv[1])["predict_proba"]
samples = np.load(io.BytesIO(sys.stdin.buffer.read()))
P = [predict_proba(samples[start : start + 1000]) for start in range(0, len(samples), 1000)]
sys.stdout.buffer.write(np.concatenate(P).astype("<f4").tobytes())
"""
_MAIN: Final = """
#include <stdio.h>
#include {file}
int main(void) {{
    static {kind} x[{NAME}_INPUTS];
    static float p[{NAME}_CLASSES];
    while (fread(x, sizeof *x, {NAME}_INPUTS, stdin) == {NAME}_INPUTS) {{
        {name}_probabilities(x, p);
        fwrite(p, sizeof *p, {NAME}_CLASSES, stdout);
    }}
    return 0;
}}
"""


class Agreement(NamedTuple):
    """How the answers of a file differ from those of its network."""

    samples: int
    other: int
    """Samples of which it names another class."""
    other_and_clear: int
    """Those of them whose two highest probabilities differ by more than CLOSE."""
    largest: float
    """The largest difference of two probabilities."""


def agreement(
    model: Model, ask: Callable[[Images], Matrix | None], samples: Images
) -> Agreement | None:
    """Compare the probabilities that `ask` gives with the network's own; None where it gives none.

    Of the first MOST samples; of fewer, if they are large.
    """
    most = max(1, min(MOST, _BYTES // (4 * model.parameters.sizes[0])))
    samples = np.ascontiguousarray(samples[:most])
    network = Network(model.parameters, model.activations, receptive_fields=model.receptive_fields)
    wanted = Evaluator(network, samples, model.scaling).probabilities(model.temperature)
    found = ask(samples)
    if found is None:
        return None
    differs = wanted.argmax(axis=1) != found.argmax(axis=1)
    ordered = np.sort(wanted, axis=1)
    clear = differs & (ordered[:, -1] - ordered[:, :-1].max(axis=1, initial=0) > CLOSE)
    largest = float(np.abs(wanted - found).max())
    return Agreement(len(samples), int(differs.sum()), int(clear.sum()), largest)


def ask_python(path: Path, samples: Images) -> Matrix:
    """The probabilities of `samples` by the Python file `path`, in a process of its own."""
    array = io.BytesIO()
    np.lib.format.write_array(array, samples, allow_pickle=False)
    return _answers([sys.executable, "-I", "-c", _ASK, str(path)], array.getvalue(), len(samples))


def ask_c(path: Path, samples: Images) -> Matrix | None:
    """The probabilities of `samples` by the C header `path`; None where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    name, kind = prefix(path), "uint8_t" if samples.dtype == np.uint8 else "float"
    folder = path.resolve().parent
    text = _MAIN.format(file=f'"{path.name}"', name=name, NAME=name.upper(), kind=kind)
    with temporary(path) as program:
        flags = [
            "-std=c99",
            "-O2",
            "-iquote",
            str(folder),
            "-x",
            "c",
            "-",
            "-lm",
            "-o",
            str(program),
        ]
        _answer([compiler, *flags], text.encode())
        return _answers([str(program.resolve())], samples.tobytes(), len(samples))


def ask_model(path: Path, samples: Images) -> Matrix:
    """The probabilities of `samples` by the file `path`, which is read as a model again."""
    return Classifier.load(path).predict_proba(samples)


def _answers(command: list[str], given: bytes, n: int) -> Matrix:
    return np.frombuffer(_answer(command, given), "<f4").reshape(n, -1)


def _answer(command: list[str], given: bytes) -> bytes:
    """What a command prints that is `given` this."""
    done = subprocess.run(command, input=given, capture_output=True, check=False)  # noqa: S603 (our own program)
    if done.returncode:
        raise MachineError(
            "the file was written, but does not run on this machine",
            found=done.stderr.decode(errors="replace").strip().rpartition("\n")[2],
            wanted=f"{Path(command[0]).name}, which works",
            fix="compare it with the network on another machine",
        )
    return done.stdout
