"""The rules of the house, and for each of them a planted breach that its scan must find."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "handstitch"
MODULES = sorted(PACKAGE.rglob("*.py"))
LOCKS = sorted(ROOT.glob("requirements*.lock"))

CORE_LINES = 650
MODULE_LINES = 300
MODULE_BYTES = 16_384


def where(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


# ── Names as the interpreter would resolve them ────────────────────────────────────────────────


def imports(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    """(local name, full dotted name, line) of everything imported, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.asname or name.name.partition(".")[0], name.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for name in node.names:
                yield name.asname or name.name, f"{node.module}.{name.name}", node.lineno


def aliases(tree: ast.AST) -> dict[str, str]:
    """Local name → what it stands for; `import a.b` binds `a`."""
    return {
        local: full if local != full.partition(".")[0] else local
        for local, full, _ in imports(tree)
    }


def dotted(node: ast.expr, known: dict[str, str]) -> str:
    """`np.random.rand` → "numpy.random.rand"; "" for what is not a plain chain of names."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        before = dotted(node.value, known)
        return f"{before}.{node.attr}" if before else ""
    return ""


def is_within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    known = aliases(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, dotted(node.func, known)


# ── Scans: source → breaches ───────────────────────────────────────────────────────────────────

Scan = Callable[[ast.AST], list[str]]


def scan_printing(tree: ast.AST) -> list[str]:
    found = [f"{node.lineno}: print" for node, name in calls(tree) if name == "print"]
    known = aliases(tree)
    found += [
        f"{node.lineno}: {dotted(node, known)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and dotted(node, known) in {"sys.stdout", "sys.stderr"}
    ]
    found += [f"{line}: {name}" for _, name, line in imports(tree) if is_within(name, {"rich"})]
    return found


OPENERS = {"open": 1, "io.open": 1, "codecs.open": 1, "os.fdopen": 1, "tarfile.open": 1} | {
    f"{package}.{name}": 1
    for package, name in [
        ("gzip", "open"), ("gzip", "GzipFile"), ("bz2", "open"), ("bz2", "BZ2File"),
        ("lzma", "open"), ("lzma", "LZMAFile"), ("zipfile", "ZipFile"), ("mmap", "mmap"),
    ]
}  # fmt: skip
"""What opens a file → the place of its mode among the positional arguments."""

WRITERS = {
    "numpy.save", "numpy.savez", "numpy.savez_compressed", "numpy.savetxt", "numpy.memmap",
    "numpy.lib.format.open_memmap", "os.rename", "os.replace", "os.link", "os.symlink",
    "os.truncate", "os.mkfifo", "shutil.copy", "shutil.copy2", "shutil.copyfile",
    "shutil.copytree", "shutil.move", "shutil.unpack_archive", "tempfile.NamedTemporaryFile",
    "tempfile.TemporaryFile", "tempfile.SpooledTemporaryFile", "tempfile.mkstemp",
    "safetensors.numpy.save_file", "safetensors.serialize_file", "sqlite3.connect",
    "logging.FileHandler",
}  # fmt: skip
"""Calls that write a file, or put one in another's place."""

WRITING_METHODS = {
    "write_text", "write_bytes", "touch", "tofile", "rename", "symlink_to", "hardlink_to",
}  # fmt: skip
WRITING_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"}


def scan_writing(tree: ast.AST) -> list[str]:
    found = []
    for node, name in calls(tree):
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if any(part.attr == "devnull" for part in attributes(node)):
            continue  # what is written there is in no file
        if name in WRITERS or method in WRITING_METHODS or (
            name == "os.open" and WRITING_FLAGS & {part.attr for part in attributes(node)}
        ):  # fmt: skip
            found.append(f"{node.lineno}: {name or method}")
        elif name in OPENERS or (method == "open" and name != "os.open"):
            # Path.open(mode), but archive.open(member, mode)
            mode = mode_of(node, OPENERS.get(name, int(name == "archive.open")))
            if mode is None or set(mode) & set("wax+"):
                found.append(f"{node.lineno}: {name or method} with mode {mode!r}")
    return found


READERS = {"os.open", "numpy.load", "numpy.fromfile", "numpy.loadtxt", "numpy.genfromtxt",
           "safetensors.safe_open", "safetensors.numpy.load_file", "sqlite3.connect"}  # fmt: skip
"""Calls that open a file for reading; libraries get bytes, or a path that storage has checked."""
NO_FILES = {"archive.open", "PIL.Image.open", "webbrowser.open"}
"""A member of an archive that storage opened, a picture in memory, a browser."""


def scan_reading(tree: ast.AST) -> list[str]:
    return [
        f"{node.lineno}: {name or ast.unparse(node.func)}"
        for node, name in calls(tree)
        if name not in NO_FILES
        and not any(part.attr == "devnull" for part in attributes(node))
        and (
            name in READERS | OPENERS.keys() - {"zipfile.ZipFile"}
            or (
                isinstance(node.func, ast.Attribute)
                and node.func.attr in {"open", "read_bytes", "read_text"}
            )
        )
    ]


def attributes(node: ast.AST) -> Iterator[ast.Attribute]:
    return (part for part in ast.walk(node) if isinstance(part, ast.Attribute))


def mode_of(node: ast.Call, position: int) -> str | None:
    """The mode in which a file is opened; None where it cannot be read off the source."""
    given = [word.value for word in node.keywords if word.arg == "mode"]
    given += node.args[position : position + 1]
    if not given:
        return "r"
    return str(given[0].value) if isinstance(given[0], ast.Constant) else None


RANDOM_ALLOWED = {"Generator", "BitGenerator", "Philox", "SeedSequence"}


def scan_random_state(tree: ast.AST) -> list[str]:
    known = aliases(tree)
    names = [
        (node.lineno, dotted(node, known)) for node in ast.walk(tree) if isinstance(node, ast.expr)
    ]
    names += [(line, name) for _, name, line in imports(tree)]
    return sorted(
        {
            f"{line}: {name}"
            for line, name in names
            if re.fullmatch(r"numpy\.random\.\w+", name) and name[13:] not in RANDOM_ALLOWED
        }
        | {f"{line}: {name}" for _, name, line in imports(tree) if is_within(name, {"random"})}
    )


UNSAFE_PACKAGES = {
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml",
    "ruamel",
}  # fmt: skip


def scan_unsafe(tree: ast.AST) -> list[str]:
    found = [
        f"{line}: {name}" for _, name, line in imports(tree) if is_within(name, UNSAFE_PACKAGES)
    ]
    for node, name in calls(tree):
        if name in {"eval", "exec", "builtins.eval", "builtins.exec", "__import__"}:
            found.append(f"{node.lineno}: {name}")
        found += [
            f"{node.lineno}: {name} with pickles allowed"
            for word in node.keywords
            if word.arg == "allow_pickle"
            and not (isinstance(word.value, ast.Constant) and word.value.value is False)
        ]
    return found


FRAMEWORKS = ("torch", "tensorflow", "jax", "jaxlib", "keras", "autograd", "tinygrad")
NETWORK = ("requests", "urllib", "urllib3", "http", "socket", "pooch")


def scan_for(*packages: str) -> Scan:
    """A scan that finds imports of these packages."""

    def scan(tree: ast.AST) -> list[str]:
        return [
            f"{line}: {name}" for _, name, line in imports(tree) if is_within(name, set(packages))
        ]

    return scan


PACKAGE_TEXTS = (
    r"(config/presets|figures/labels|report/languages|export/laboratory)/.*"
    r"|compiled/(jit|comparison)\.py"
)
RULES: dict[str, tuple[Scan, str]] = {
    # rule: (scan, the modules that may)
    "only cli prints": (scan_printing, r"cli/.*"),
    "only storage writes files": (scan_writing, r"storage(\.py|/.*)"),
    # The rest reads no file that somebody else may have made: our own sources, texts and presets
    # in the package, and what the kernel says of this machine.
    "only storage opens files": (
        scan_reading,
        rf"storage/.*|{PACKAGE_TEXTS}|machine/(libraries|memory)\.py",
    ),
    "nobody touches global random state": (scan_random_state, ""),
    "no pickle, eval, exec or YAML": (scan_unsafe, ""),
    "no framework": (scan_for(*FRAMEWORKS), ""),
    "only machine.libraries imports scipy.linalg": (
        scan_for("scipy.linalg"),
        r"machine/libraries\.py",
    ),
    "only data reaches the network": (scan_for(*NETWORK), r"data/.*"),
    "only figures imports matplotlib": (scan_for("matplotlib"), r"figures/.*"),
    "only report imports jinja2": (scan_for("jinja2", "markupsafe"), r"report/.*"),
    "only search imports optuna": (scan_for("optuna", "sqlalchemy"), r"search/.*"),
    "only data.readers.tables imports pyarrow": (
        scan_for("pyarrow"),
        r"data/readers/tables\.py",
    ),
    "only training.tensorboard imports tensorboard": (
        scan_for("tensorboard"),
        r"training/tensorboard\.py",
    ),
    "only export.onnx_file imports onnx": (
        scan_for("onnx", "onnxruntime"),
        r"export/onnx_file\.py",
    ),
}

BREACHES = {
    "only cli prints": [
        "print('x')",
        "import sys\nsys.stdout.write('x')",
        "from sys import stderr\nstderr.write('x')",
        "def f():\n    from rich.console import Console",
    ],
    "only storage writes files": [
        "open('x', 'w')",
        "open('x', mode='ab')",
        "open('x', 'r+')",
        "open('x', chosen)",
        "import io\nio.open('x', 'x')",
        "import gzip\ngzip.open('x', 'wb')",
        "from gzip import open as unzip\nunzip('x', 'wb')",
        "from pathlib import Path\nPath('x').open('w')",
        "from pathlib import Path\nPath('x').write_text('y')",
        "path.write_bytes(b'y')",
        "folder().joinpath('x').touch()",
        "import numpy as np\nnp.save('x', a)",
        "from numpy import savez as keep\nkeep('x', a)",
        "array.tofile('x')",
        "path.open(chosen)",
        "archive.open(member, 'w')",
        "import os\nos.open('x', os.O_WRONLY | os.O_CREAT)",
        "import os\nos.replace('x', 'y')",
        "import shutil\nshutil.copy('x', 'y')",
        "from tempfile import NamedTemporaryFile\nNamedTemporaryFile()",
        "import zipfile\nzipfile.ZipFile('x', 'w')",
        "from safetensors.numpy import save_file\nsave_file({}, 'x')",
    ],
    "only storage opens files": [
        "open('x')",
        "with open('x', 'rb') as file: pass",
        "import io\nio.open('x')",
        "import os\nos.open('x', os.O_RDONLY)",
        "from pathlib import Path\nPath('x').read_text()",
        "(folder / 'summary.json').read_bytes()",
        "path.open('rb')",
        "import gzip\ngzip.open('x')",
        "import numpy as np\nnp.load('x')",
        "from safetensors.numpy import load_file\nload_file('x')",
        "import sqlite3\nsqlite3.connect('x')",
    ],
    "nobody touches global random state": [
        "import numpy as np\nnp.random.seed(0)",
        "import numpy as np\nx = np.random.rand(3)",
        "import numpy as np\nrng = np.random.default_rng()",
        "from numpy import random\nrandom.shuffle(x)",
        "from numpy.random import randn",
        "import numpy.random\nnumpy.random.normal()",
        "import random",
        "from random import shuffle",
    ],
    "no pickle, eval, exec or YAML": [
        "import pickle",
        "from pickle import loads",
        "import yaml",
        "import joblib",
        "eval('1')",
        "exec('x = 1')",
        "__import__('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
    ],
    "no framework": [
        "import torch",
        "def f():\n    from torch.nn import functional",
        "import jax.numpy as jnp",
        "from tensorflow import keras",
        "import autograd.numpy as np",
        "from tinygrad import Tensor",
    ],
    "only machine.libraries imports scipy.linalg": [
        "import scipy.linalg",
        "from scipy import linalg",
        "from scipy.linalg import blas",
        "def f():\n    from scipy.linalg.blas import sgemm",
    ],
    "only data reaches the network": [
        "import requests",
        "from urllib.request import urlopen",
        "import socket",
        "import pooch",
    ],
    "only figures imports matplotlib": [
        "import matplotlib.pyplot as plt",
        "def f():\n    from matplotlib.figure import Figure",
    ],
    "only report imports jinja2": ["from jinja2 import Environment", "import markupsafe"],
    "only search imports optuna": ["import optuna", "from sqlalchemy import create_engine"],
    "only data.readers.tables imports pyarrow": [
        "import pyarrow.csv",
        "def f():\n    from pyarrow import parquet",
    ],
    "only training.tensorboard imports tensorboard": [
        "import tensorboard",
        "def f():\n    from tensorboard.summary import Writer",
    ],
    "only export.onnx_file imports onnx": [
        "from onnx import helper",
        "def f():\n    import onnxruntime",
    ],
}

INNOCENT = '''
"""print(this), open("it", "w"), np.random.seed(0), import torch"""
import os
import gzip
import webbrowser
from pathlib import Path
import numpy as np
from numpy.random import Generator, Philox

text = open("x").read() + open("x", "rb").read().decode() + Path("x").read_text()
more = Path("x").open().read() + gzip.open("x", mode="rb").read().decode()
handle = os.open("x", os.O_RDONLY) or archive.open(member) or archive.open(member, "r")
rng = np.random.Generator(np.random.Philox(1))
noise: np.random.Generator = rng.random(3), rng.shuffle(more)
text.replace("a", "b")
os.open(os.devnull, os.O_WRONLY)
np.load("x", allow_pickle=False)
re.compile("x")
'''


@pytest.mark.parametrize("rule", RULES)
def test_modules_keep(rule):
    scan, exempt = RULES[rule]
    found = {
        where(module): breaches
        for module in MODULES
        if not re.fullmatch(exempt, where(module))
        if (breaches := scan(ast.parse(module.read_text("utf-8"))))
    }
    assert not found


@pytest.mark.parametrize(
    ("rule", "source"), [(rule, source) for rule, sources in BREACHES.items() for source in sources]
)
def test_scan_finds_planted_breach(rule, source):
    assert RULES[rule][0](ast.parse(source))


INNOCENT_OF_READING = '''
"""open("x"), path.read_bytes()"""
import os
import zipfile
from handstitch import storage
from PIL import Image

with storage.open_file(path) as file, zipfile.ZipFile(file) as archive:
    archive.open(member).read()
storage.read_file(path), Image.open(stream), os.open(os.devnull, os.O_WRONLY)
'''


def test_the_scan_for_reading_lets_the_innocent_go():
    assert not scan_reading(ast.parse(INNOCENT_OF_READING))


@pytest.mark.parametrize("rule", sorted(RULES.keys() - {"only storage opens files"}))
def test_scan_lets_the_innocent_go(rule):
    assert not RULES[rule][0](ast.parse(INNOCENT))


# ── Size and names ─────────────────────────────────────────────────────────────────────────────


def lines_of(folder: Path) -> int:
    """As `wc -l` counts them, words included."""
    return sum(module.read_bytes().count(b"\n") for module in folder.rglob("*.py"))


def too_large(folder: Path) -> list[str]:
    return [
        module.name
        for module in folder.rglob("*.py")
        if (text := module.read_bytes()).count(b"\n") > MODULE_LINES or len(text) > MODULE_BYTES
    ]


def badly_named(folder: Path) -> list[str]:
    return [
        path.name
        for path in folder.rglob("*")
        if re.search(r"(^|_)(utils?|helpers?|base|managers?|common|misc)(_|$)", path.stem)
    ]


def test_core_fits_one_sitting():
    assert lines_of(PACKAGE / "core") <= CORE_LINES


def test_modules_are_one_idea_each():
    assert not too_large(PACKAGE)


def test_modules_are_named_for_what_they_hold():
    assert not badly_named(PACKAGE)


def shared_names(folder: Path) -> list[str]:
    """Names of more than one class."""
    classes = Counter(
        node.name
        for module in folder.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    return [name for name, count in classes.items() if count > 1]


def test_no_two_classes_have_one_name(tmp_path):
    assert not shared_names(PACKAGE)
    for name in ("one.py", "other.py"):
        (tmp_path / name).write_text("class Compared:\n    pass\n", "utf-8")
    assert shared_names(tmp_path) == ["Compared"]


def test_size_and_name_scans_find_planted_breaches(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "long.py").write_text("\n" * (MODULE_LINES + 1))
    (tmp_path / "inner" / "wide.py").write_text("#" * (MODULE_BYTES + 1))
    (tmp_path / "fits.py").write_text("\n" * MODULE_LINES)
    (tmp_path / "inner" / "io_utils.py").touch()
    assert sorted(too_large(tmp_path)) == ["long.py", "wide.py"]
    assert badly_named(tmp_path) == ["io_utils.py"]
    assert lines_of(tmp_path) == 2 * MODULE_LINES + 1


# ── Floors ─────────────────────────────────────────────────────────────────────────────────────


def lint_imports(source: Path) -> subprocess.CompletedProcess[str]:
    """The contracts of pyproject.toml, held against the package that lies in `source`."""
    program = (
        "import sys; from importlinter.cli import lint_imports_command as check; "
        f"sys.path.insert(0, {str(source)!r}); "
        f"check(['--config', {str(ROOT / 'pyproject.toml')!r}, '--no-cache'])"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_imports_go_downwards():
    done = lint_imports(ROOT / "src")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("arrays.py", "from handstitch import config", "Imports go downwards only"),
        ("core/parameters.py", "import handstitch.cli", "Imports go downwards only"),
        ("novelty.py", "", "Imports go downwards only"),
        (
            "data/scaling.py",
            "import handstitch.data.batches",
            "No circle of imports, within rooms or between them",
        ),
        (
            "core/optimizers.py",
            "import handstitch.storage",
            "The core knows no files and no terminal",
        ),
        ("core/parameters.py", "import safetensors", "The core knows no files and no terminal"),
        ("records.py", "import torch", "No framework computes a gradient here"),
        ("records.py", "import sklearn", "scikit-learn is imported in one module"),
    ],
)
def test_floors_hold_a_planted_breach(tmp_path, module, line, contract):
    package = tmp_path / "handstitch"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    with (package / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contract} BROKEN" in done.stdout


# ── Locks, Makefile, and what lies in the repository ───────────────────────────────────────────


def lock_breaches(text: str) -> list[str]:
    """Lines that name a place, and packages whose files have no hash."""
    lines = text.splitlines()
    pins = re.split(r"\n(?=\S)", text.strip())
    return [line for line in lines if "://" in line or (line.lstrip().startswith(("-", "file:"))
            and not line.lstrip().startswith("--hash=sha256:"))] + [
        pin for pin in pins if "--hash=sha256:" not in pin or "==" not in pin
    ]  # fmt: skip


def test_there_are_two_locks():
    assert [lock.name for lock in LOCKS] == ["requirements-dev.lock", "requirements.lock"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_locks_name_packages_and_hashes_alone(lock):
    assert not lock_breaches(lock.read_text("utf-8"))


def test_development_lock_holds_the_other():
    core, development = (
        set(re.findall(r"^[^\s#-].*?(?= \\)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert core
    assert core <= development


@pytest.mark.parametrize(
    "line",
    [
        "a @ " + "https" + "://somewhere/a.whl \\\n    --hash=sha256:00",
        "--find-links /somewhere",
        "--index-url somewhere",
        "a==1",
        "a>=1 \\\n    --hash=sha256:00",
    ],
)
def test_lock_scan_finds_planted_breach(line):
    good = "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb==2 \\\n    --hash=sha256:00\n"
    assert not lock_breaches(good)
    assert lock_breaches(good + line + "\n")


def targets(makefile: str) -> set[str]:
    return set(re.findall(r"^([a-z]+):(?!=)", makefile, re.MULTILINE))


def test_makefile_has_its_targets():
    wanted = {"train", "test", "check", "oracle", "lock", "clean", "help"}
    assert wanted <= targets((ROOT / "Makefile").read_text("utf-8"))
    assert targets("train: x\n\tlock: y\nhere := z\n") == {"train"}


HIDDEN = {
    ".git", ".venv", ".venv-oracle", ".venv-fuzz", ".hypothesis", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".import_linter_cache", "__pycache__", "build", "dist", "runs",
}  # fmt: skip


def tracked() -> list[Path]:
    """The files of the repository; without git, those that lie where they could be tracked."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
        )
        if listed.returncode == 0:
            names = listed.stdout.decode().split("\0")
            return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and not any(
            part in HIDDEN or part.endswith("_cache") for part in path.relative_to(ROOT).parts
        )
    ]


def machine_paths(text: str) -> list[str]:
    """Absolute paths that can only be those of somebody's machine."""
    return re.findall(r"(?<![\w.:/~-])/(?:home|root|Users|work|opt|mnt|media)/[\w.-]+", text)


def test_no_path_of_one_machine():
    found = {}
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        places = machine_paths(text)
        places += [str(place) for place in (ROOT, Path.home()) if f"{place}/" in text]
        if places and len(ROOT.parts) > 2:  # a checkout at the top of the disk says nothing
            found[path.relative_to(ROOT).as_posix()] = places
    assert not found


@pytest.mark.parametrize("folder", ["home", "root", "Users", "work", "opt"])
def test_path_scan_finds_planted_breach(folder):
    assert machine_paths(f'data = "/{folder}/somebody/x"')
    assert not machine_paths(f"a/{folder}/b, https{':'}//example.org/{folder}/b, ~/{folder}/b")
