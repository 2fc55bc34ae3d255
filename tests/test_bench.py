"""The benchmark's arithmetic and page, and how it goes on after a stop; no test measures."""

from __future__ import annotations

import copy
import importlib
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


def load_module(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of bench/."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module(name)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    return partial(load_module, monkeypatch=monkeypatch)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Any:
    return load_module("page", monkeypatch)


def make_figures(**seconds: float) -> dict[str, Any]:
    names = {
        "light": "Handstitch, light images",
        "numpy": "numpy backend",
        "products": "BLAS products alone",
        "compiled": "torch.compile",
        "autocast": "PyTorch, autocast to bfloat16",
        "sklearn": "scikit-learn",
        "course": "the course report's way",
    }
    given = {"first": 9.0, "peak_mib": 100.0}
    return {
        names.get(peer, peer): {"seconds": each, "fastest": each, "slowest": each, **given}
        for peer, each in seconds.items()
    }


FOUND: dict[str, Any] = {
    "processor": {"name": "One", "units": ["AVX2", "AVX-512"]},
    "machine": "2 cores.",
    "epoch": {
        "64": make_figures(
            Handstitch=1.0, light=1.3, numpy=1.3, products=1.0, JAX=1.55, PyTorch=3.0,
            compiled=2.0, autocast=0.9, sklearn=4.0, course=11.0,
        ),
        "128": make_figures(
            Handstitch=1.0, light=1.1, numpy=1.15, products=1.0, JAX=1.25, PyTorch=2.4,
            compiled=2.5, sklearn=4.0, course=11.0,
        ),
    },
    "avx2": {
        "kernels": {
            who: {"free": "OpenBLAS SkylakeX", "held": held}
            for who, held in (
                ("Handstitch", "numba haswell, ymm"), ("JAX", "YNNPACK, which chooses by itself"),
                ("PyTorch", "ATen AVX2; MKL, not named"),
            )
        },
        "64": make_figures(Handstitch=1.0, JAX=1.6, PyTorch=1.4),
    },
    "wide": {"2048-1024": make_figures(Handstitch=5.0, JAX=5.5)},
    "reach": {
        "default": {
            "Handstitch": {"seconds": 20.0, "percent": 91.5, "0.90": 5.0, "0.91": 9.0},
            "JAX": {"seconds": 29.0, "percent": 91.9, "0.90": 9.0, "0.91": None},
        }
    },
    "command": {
        "Handstitch": {"seconds": 4.0, "test_seconds": 0.5, "peak_mib": 200.0, "accuracy": 0.88},
        "JAX": {"seconds": 6.4, "peak_mib": 500.0, "accuracy": 0.88},
        "PyTorch": {"seconds": 8.0, "peak_mib": 390.0, "accuracy": 0.88},
    },
    "forward": {
        "Handstitch": {"10000": 0.04, "1": 2e-5},
        "PyTorch": {"10000": 0.05, "1": 4e-5},
        "onnxruntime": {"10000": 0.03, "1": 1.95e-5},
    },
    "windows": {
        "dense, step": 10.0, "windows, step": 6.5, "dense, first layer": 4.0,
        "windows, first layer": 1.1,
    },
    "load": {"Handstitch": {"quiet": 1.0, "busy": 2.6}},
}  # fmt: skip


def test_an_aim_is_met_or_not_by_the_ratio_of_medians(module: Any):
    verdicts = {
        (aim.floor.job, aim.floor.against): aim.verdict
        for aim in module("aims").aims(FOUND)
        if aim.measured is not None
    }
    fastest, better = "the fastest float32 peer", "PyTorch, the better of eager and compile"
    forward = "the faster of onnxruntime and PyTorch"
    assert verdicts == {
        ("epoch, batch 64", fastest): "met",  # float32's 1.55, not bfloat16's 0.9
        ("epoch, batch 128", fastest): "not met",
        ("epoch, light images, batch 64", fastest): "not met",  # 1.55 / 1.3
        ("epoch, light images, batch 128", fastest): "met",
        ("epoch, AVX2 only, batch 64", fastest): "not met",
        ("width 2048-1024, batch 128", fastest): "met",
        ("preset `default`, whole process", "the faster of JAX and PyTorch"): "not met",
        ("whole command", "JAX"): "met",
        ("whole command", "PyTorch"): "not met",
        ("epoch, batch 64", better): "not met",  # compile's 2.0, not eager's 3.0
        ("epoch, batch 64", "scikit-learn"): "met",
        ("epoch, batch 64", "the course report's way"): "not met",
        ("epoch, batch 128", better): "met",
        ("numpy backend, batch 128", "BLAS products alone"): "met",
        ("peak memory of training", "PyTorch"): "not met",
        ("`handstitch test`", "–"): "met",
        ("forward, 10,000 images", forward): "not met",
        ("forward, one image", forward): "met",
        ("receptive fields, first layer", "dense"): "not met",
        ("receptive fields, step", "dense"): "met",
        ("beside two busy processes", "alone"): "not met",
    }


def test_a_floor_of_a_unit_is_asked_of_processors_that_have_it(module: Any):
    def asked(units: list[str]) -> set[tuple[str, float]]:
        found = {"processor": {"name": "", "units": units}}
        named = [aim for aim in module("aims").aims(found) if "bfloat16" in aim.floor.job]
        assert {aim.verdict for aim in named} <= {"not measured"}
        return {(aim.floor.job[-2:], aim.floor.wanted) for aim in named}

    assert not asked(["AVX2", "AVX-512"])
    assert ("64", 2.5) in asked(["AVX512-BF16", "AMX"])
    assert ("64", 2.5) not in asked(["AVX512-BF16"])


@pytest.mark.parametrize("unit", ["AVX512-BF16", "AMX"])
def test_bfloat16_is_measured_where_there_is_a_unit(module: Any, unit: str):
    """At the batch sizes of a floor; the peers in bfloat16 are measured everywhere."""
    programs, floors = module("programs"), module("aims").FLOORS
    plain, ours = {*programs.EPOCH, *programs.BFLOAT16}, "Handstitch, bfloat16"
    asked = {int(floor.ours.split("/")[1]) for floor in floors if ours in floor.ours}
    assert asked
    for batch in asked:
        assert set(programs.of_an_epoch(batch, ["AVX2", "AVX-512"])) == plain
        measured = programs.of_an_epoch(batch, ["AVX2", unit])
        assert set(measured) == {*plain, ours}
        assert measured[ours].flags == ("--bfloat16",)
    assert set(programs.of_an_epoch(128, [unit])) == set(programs.EPOCH)


def test_the_page_says_what_was_not_met_and_who_was_not_held(page: Any):
    text = page.page([FOUND, {**FOUND, "processor": {"name": "Two", "units": ["AMX"]}}])
    assert "| epoch, batch 64 | scikit-learn | ≥ 3.80 × | 4.00 × | 4.00 × |" in text
    assert "| ≥ 1.30 × | **1.25 ×, no** | **1.25 ×, no** |" in text
    assert "| ≥ 2.50 × | no such unit | – |" in text
    assert "| JAX | 1.550 | 1.55 |" in text
    assert "| Handstitch | OpenBLAS SkylakeX | numba haswell, ymm | yes | 1.000 |" in text
    assert "| YNNPACK, which chooses by itself | no | 1.600 |" in text
    assert "| ATen AVX2; MKL, not named | not shown | 1.400 |" in text
    assert "| `default` | JAX | 9.0 | not reached | 29.0 | 91.90 % |" in text
    assert "0.40 points apart: **not within** 0.3" in text
    assert text.count("## One\n") == text.count("## Two\n") == 1


def test_the_readme_has_the_worst_of_all_processors(page: Any, module: Any):
    words = module("run").READMES["README.md"]
    other = copy.deepcopy(FOUND)
    other["processor"]["name"] = "Two"
    other["epoch"]["64"]["JAX"]["seconds"] = 0.8
    other["epoch"]["64"]["PyTorch"]["seconds"] = 9.0
    one, both = page.short([FOUND], words), page.short([FOUND, other], words)
    assert "| JAX | 1.55 | 1.25 |" in one
    assert one.endswith("Measured on one kind of processor: One.")
    assert "| JAX | 0.80 | 1.25 |" in both
    assert "| PyTorch | 3.00 | 2.40 |" in both
    assert both.endswith("The worst of 2 kinds of processors: One; Two.")


def test_what_is_stopped_goes_on_where_it_ended(module: Any, tmp_path: Path):
    session, file = module("session").Session, tmp_path / "unfinished"
    done: list[int] = []

    def work() -> int:
        done.append(len(done))
        return done[-1]

    first = session(file, "this tree")
    assert [first.once("epoch", turn, work=work) for turn in range(2)] == [0, 1]
    file.write_bytes(file.read_bytes()[:-3])  # stopped while it wrote
    again = session(file, "this tree")
    assert [again.once("epoch", turn, work=work) for turn in range(3)] == [0, 2, 3]
    assert session(file, "another tree").once("epoch", 0, work=work) == 4
    again.finish()
    assert not file.exists()


def test_kernels_are_named_in_the_libraries_own_words(module: Any):
    kernels = module("kernels")
    mkl = (
        "MKL_VERBOSE oneMKL 2024.0 Update 2 Product build 1 for Intel(R) 64 architecture {}, Lnx 2"
    )
    intel = "Intel(R) Advanced Vector Extensions 512 (Intel(R) AVX-512) enabled processors"
    one = "onednn_verbose,v1,primitive,exec,cpu,matmul,brg_matmul:avx512_core_bf16,undef,src"
    said = kernels.words(f"{mkl.format(intel)}\n{one}\n{one}\nATen: AVX512\n", [])
    assert said == "oneDNN brg_matmul:avx512_core_bf16; ATen AVX512; MKL AVX-512"
    other = kernels.words(mkl.format("Intel(R) Architecture processors"), [])
    assert (other, kernels.is_held(other)) == ("MKL, not named", "not shown")
    assert kernels.is_held(said) == "no"
    held = kernels.words("numba: haswell, ymm\nCore: Haswell\n", [])
    assert (held, kernels.is_held(held)) == ("numba haswell, ymm; OpenBLAS Haswell", "yes")
    assert kernels.is_held(kernels.words("", ["ROOT ynn_fusion"])) == "no"
    assert kernels.words("Core: Haswell\nATen: AVX2\n", []) == "ATen AVX2"
    assert kernels.words("", ["<4 x float> <16 x float>"]) == "XLA, 512 bits"


@pytest.mark.parametrize(
    ("info", "described", "file"),
    [
        (
            {
                "model name": "AMD EPYC", "cpu family": "26", "model": "2",
                "flags": "avx2 avx512f avx512_bf16",
            },
            ("AMD EPYC, family 26, model 2", ["AVX2", "AVX-512", "AVX512-BF16"]),
            "amd-epyc-26-2",
        ),
        (
            {
                "model name": "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", "cpu family": "6",
                "model": "143", "flags": "avx2 avx512f amx_bf16",
            },
            ("Intel Xeon Platinum 8481C, family 6, model 143", ["AVX2", "AVX-512", "AMX"]),
            "intel-xeon-platinum-8481c-6-143",
        ),
    ],
)  # fmt: skip
def test_results_are_kept_by_kind_of_processor(
    module: Any,
    monkeypatch: pytest.MonkeyPatch,
    info: dict[str, str],
    described: tuple[str, list[str]],
    file: str,
):
    from handstitch.machine import libraries

    monkeypatch.setattr(libraries, "cpuinfo", lambda: info)
    processors = module("processors")
    assert tuple(processors.describe().values()) == described
    assert processors.file_name(described[0]) == file


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([0.1, -0.1, 0.2, -0.15], "met"),
        ([0.2, 0.21, 0.2, 0.22], "not met"),  # no 0 in it
        ([1.0, -1.0, 0.6, -0.6], "not met"),  # too wide
        ([0.0], "not met"),  # no interval
    ],
)
def test_bfloat16_is_as_accurate_or_not(module: Any, differences: list[float], verdict: str):
    recipes = module("recipes")
    assert recipes.precision_section([]) == []
    rows = [
        {"name": name, "seed": str(seed), "val_accuracy": "0.89", "test_accuracy": f"{accuracy}"}
        for seed, points in enumerate(differences)
        for name, accuracy in (("float32", 0.88), ("bfloat16, AMX", 0.88 + points / 100))
    ]
    text = "\n".join(recipes.precision_section(rows))
    assert f"bfloat16, AMX: **{verdict}**" in text


def test_bfloat16_is_trained_with_the_seeds_of_float32(
    module: Any, monkeypatch: pytest.MonkeyPatch
):
    recipes = module("recipes")
    monkeypatch.setattr(recipes, "bfloat16_unit", lambda: "AMX")
    jobs = [job for job in recipes.all_jobs() if job.table == "precision"]
    assert {job.name for job in jobs} == {"float32", "bfloat16, AMX"}
    assert len(jobs) == 2 * len({job.seed for job in jobs}) == 40
    monkeypatch.setattr(recipes, "bfloat16_unit", lambda: None)
    assert "precision" not in {job.table for job in recipes.all_jobs()}


@pytest.mark.parametrize("preset", ["course", "fast", "default"])
def test_peers_get_the_recipe_of_the_preset(module: Any, preset: str):
    from argparse import Namespace

    from handstitch.config import Config
    from handstitch.receptive_fields import ReceptiveFields, group_size
    from handstitch.training.schedules import learning_rate

    made = Namespace(**module("recipe").settings(preset, seed=3))
    whole, config = module("whole"), Config.preset(preset)
    rates = [whole.rate(made, step, 10 * config.epochs) for step in range(10 * config.epochs)]
    ours = [learning_rate(config, step, 10) for step in range(10 * config.epochs)]
    summed = 64 if preset == "course" else 1
    np.testing.assert_allclose(rates, summed * np.array(ours), rtol=1e-12)
    weights, mask = whole.initial(made)
    assert [W.shape for W in weights] == list(zip(made.sizes[:-1], made.sizes[1:], strict=True))
    spread = np.sqrt(2 / (784 if mask is None else mask.sum(axis=0).mean()))
    inside = weights[0] if mask is None else weights[0][mask > 0]
    assert inside.std() == pytest.approx(spread, rel=0.1)
    assert (mask is None) == (preset == "course")
    if mask is not None:
        assert not weights[0][mask == 0].any()
        units = made.sizes[1]
        rng = np.random.Generator(np.random.Philox(3))
        drawn = ReceptiveFields.draw((28, 28), units, (5, 13), rng, group_size(units))
        assert np.array_equal(mask, drawn.mask)


def test_every_script_is_a_peer_of_a_job(module: Any):
    programs = module("programs")
    tables = (programs.EPOCH, programs.BFLOAT16, programs.FORWARD, programs.WHOLE)
    named = {programs.WINDOWS} | {each.script for table in tables for each in table.values()}
    there = {path.stem for path in (ROOT / "bench" / "peers").glob("*.py")} - {"__init__"}
    assert named == there


def test_the_recorded_page_and_readmes_are_those_of_the_recorded_figures(page: Any, module: Any):
    run = module("run")
    every = run.read(ROOT / "docs" / "benchmarks")
    recorded = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert recorded == page.page(every)
    for readme, words in run.READMES.items():
        assert page.short(every, words) in (ROOT / readme).read_text(encoding="utf-8")


def test_the_program_says_what_it_takes(module: Any):
    command = [sys.executable, str(ROOT / "bench" / "run.py"), "--help"]
    told = subprocess.check_output(command, text=True)
    for job in (*module("jobs").JOBS, "goes on where it ended"):
        assert job in told
