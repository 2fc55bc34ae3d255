"""A network in a file of another program answers as it does: asked, not believed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from handstitch.arrays import Images, Matrix
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.data import sketch
from handstitch.errors import MachineError, UsageError
from handstitch.evaluation import Evaluator
from handstitch.export import FORMATS, agreement, onnx_file, write
from handstitch.export.activations import FORMULAS
from handstitch.export.agreement import _MAIN
from handstitch.export.c_header import prefix
from handstitch.model import Model
from handstitch.model.classifier import Classifier
from handstitch.model.layouts import LAYOUTS
from handstitch.receptive_fields import ReceptiveFields
from tests.sample_models import sample

STRANGE = ('say "no"', "a\\b", "*/ ??/", "'''", "裤子", "{name}", "%s", "7up")
ALL = tuple(ACTIVATIONS)
COMPILERS = [pytest.param(name, id=name) for name in ("gcc", "clang") if shutil.which(name)]
needs_compiler = pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")


def with_windows(model: Model, group: int = 1) -> Model:
    units = model.parameters.sizes[1]
    rng = np.random.default_rng(1)
    fields = ReceptiveFields.draw(model.image_shape, units, (1, 3), rng, group)
    model.parameters.weights[0][:] *= fields.mask
    return structs.replace(model, receptive_fields=fields)


def models() -> dict[str, Model]:
    features: dict[str, Any] = {
        "image_shape": (6,),
        "offset": (0.5, 1.0, -2.0, 0.0, 3.0, 100.0),
        "scale": (1.0, 0.5, 2.0, 0.125, 1.0, 0.01),
    }
    return {
        "dense": sample((30, 9, 8), image_shape=(5, 6), class_names=STRANGE),
        "linear": sample((30, 2), image_shape=(5, 6), offset=72.5, scale=1 / 80),
        "deep": sample((30, 9, 8, 7, 6, 5, 4), image_shape=(5, 6), activations=ALL),
        "windows": with_windows(sample((30, 9, 3), image_shape=(5, 6), temperature=1.75)),
        "groups": with_windows(sample((30, 12, 3), image_shape=(5, 6), offset=9.0), 4),
        "colour": with_windows(sample((60, 7, 3), image_shape=(4, 5, 3), dataset='"""\\')),
        "features": sample((6, 9, 3), **features),
        "one class": sample((30, 4, 1), image_shape=(5, 6)),
    }


def samples_of(model: Model, n: int = 50) -> Images:
    rng = np.random.default_rng(2)
    if model.has_images:
        return rng.integers(0, 256, (n, *model.image_shape), np.uint8)
    offset, scale = model.scaling
    drawn = rng.standard_normal((n, *model.image_shape)) / scale + offset
    return drawn.astype(np.float32)


def probabilities(model: Model, samples: Images) -> Matrix:
    network = Network(model.parameters, model.activations)
    return Evaluator(network, samples, model.scaling).probabilities(model.temperature)


@pytest.fixture(params=models().items(), ids=lambda pair: pair[0])
def model(request) -> Model:
    chosen: Model = request.param[1]
    return chosen


# ── Python ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def numpy_alone(tmp_path_factory) -> Path:
    """A folder from which NumPy can be imported, and nothing else."""
    folder: Path = tmp_path_factory.mktemp("packages")
    package = Path(np.__file__).parent
    for place in (package, package.with_name("numpy.libs")):
        if place.exists():
            (folder / place.name).symlink_to(place)
    return folder


def run_alone(packages: Path, folder: Path, *words: str, program: str = "") -> Any:
    """Run predictor.py, or a program beside it, where only NumPy can be imported."""
    start = f"import sys; sys.path[:0] = [{str(packages)!r}, {str(folder)!r}]\n"
    start += "from importlib.util import find_spec\nassert not find_spec('handstitch')\n"
    start += "assert not find_spec('scipy')\n"
    run = "import runpy; runpy.run_path('predictor.py', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", start + (program or run), *words],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
    )


def test_python_file_needs_numpy_only(tmp_path, numpy_alone, model):
    write(model, tmp_path / "predictor.py", "python")
    samples = samples_of(model)
    np.save(tmp_path / "samples.npy", samples)
    program = (
        "import numpy as np; import predictor; samples = np.load('samples.npy')\n"
        "np.save('P.npy', predictor.predict_proba(samples))\n"
        "assert predictor.predict(samples)[0] in predictor.CLASS_NAMES\n"
        f"assert predictor.CLASS_NAMES == {model.class_names!a}\n"
        f"assert predictor.DATASET == {model.dataset!a}\n"
    )
    done = run_alone(numpy_alone, tmp_path, program=program)
    assert done.returncode == 0, done.stderr
    wanted = probabilities(model, samples)
    np.testing.assert_allclose(np.load(tmp_path / "P.npy"), wanted, atol=1e-6)


def test_python_file_has_the_windows_alone(tmp_path):
    dense, windows = models()["dense"], models()["groups"]
    used = windows.receptive_fields
    assert used is not None
    sizes = {
        name: write(structs.replace(model, **changes), tmp_path / "predictor.py", kind)
        for name, model, changes, kind in (
            ("python", windows, {}, "python"),
            ("python, filled", windows, {"receptive_fields": None}, "python"),
            ("c", windows, {}, "c_int8"),
            ("c, filled", windows, {"receptive_fields": None}, "c_int8"),
            ("dense", dense, {}, "python"),
        )
    }
    saved = int((used.mask == 0).sum())
    assert sizes["python, filled"] - sizes["python"] > 4 * saved - 700
    assert "0, 0, 0" not in (tmp_path / "predictor.py").read_text()


def test_python_file_as_a_program(tmp_path, numpy_alone):
    model = models()["dense"]
    write(model, tmp_path / "predictor.py", "python")
    samples = samples_of(model, 3)
    np.save(tmp_path / "three.npy", samples)
    np.save(tmp_path / "one.npy", samples[0])
    P = probabilities(model, samples)
    lines = [f"{model.class_names[p.argmax()]}  {p.max():.4f}" for p in P]
    for file, wanted in (("three.npy", lines), ("one.npy", lines[:1])):
        done = run_alone(numpy_alone, tmp_path, file)
        assert done.stdout.splitlines() == wanted, done.stderr


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 6, 5)), "expected samples of shape (n, *(5, 6)), not (2, 6, 5)"),
        (np.full((2, 5, 6), 0.5), "expected pixels, whole numbers from 0 to 255"),
        (np.full((2, 5, 6), 256), "expected pixels, whole numbers from 0 to 255"),
        (np.full((2, 5, 6), np.nan), "expected pixels, whole numbers from 0 to 255"),
    ],
    ids=["shape", "fractions", "too large", "nan"],
)
def test_python_file_refuses(tmp_path, numpy_alone, array, words):
    write(models()["dense"], tmp_path / "predictor.py", "python")
    np.save(tmp_path / "bad.npy", array)
    done = run_alone(numpy_alone, tmp_path, "bad.npy")
    assert (done.returncode, done.stderr) == (1, f"bad.npy: {words}\n")


# ── C ──────────────────────────────────────────────────────────────────────────────────────────


def compiled(path: Path, compiler: str, samples: Images, *flags: str) -> Matrix:
    """The probabilities by a header, compiled with all warnings as errors."""
    kind = "uint8_t" if samples.dtype == np.uint8 else "float"
    name = prefix(path)
    names = f"""
#include <string.h>
int main_names(void) {{ return (int)strlen({name}_class_names[{name}_class(0)]); }}
"""
    main = _MAIN.format(file=f'"{path.name}"', name=name, NAME=name.upper(), kind=kind) + names
    program = path.with_suffix(".out")
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic-errors"]
    done = subprocess.run(
        [compiler, *strict, *flags, "-iquote", path.parent, "-x", "c", "-", "-lm", "-o", program],
        input=main.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    done = subprocess.run([program], input=samples.tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, np.float32).reshape(len(samples), -1)


SANITIZERS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.mark.parametrize("flags", [("-O3",), SANITIZERS], ids=["O3", "sanitizers"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_c_header_answers_as_the_network(tmp_path, model, compiler, flags):
    path, samples = tmp_path / "net.h", samples_of(model)
    wanted = probabilities(model, samples)
    write(model, path, "c")
    np.testing.assert_allclose(compiled(path, compiler, samples, *flags), wanted, atol=1e-6)
    write(model, path, "c_int8")
    # Rounding alone: a network of so few weights is no better in 255 steps.
    np.testing.assert_allclose(compiled(path, compiler, samples, *flags), wanted, atol=0.05)


@needs_compiler
def test_c_header_of_numbers_that_overflow(tmp_path):
    model = models()["features"]
    samples = samples_of(model, 4)
    samples[0], samples[1], samples[2] = 3e38, np.inf, np.nan
    for kind in ("c", "c_int8"):
        write(model, tmp_path / "net.h", kind)
        P = compiled(tmp_path / "net.h", "cc", samples, *SANITIZERS)
        np.testing.assert_allclose(P[3], probabilities(model, samples[3:])[0], atol=0.05)


@needs_compiler
def test_c_header_of_the_largest_sums_in_int8(tmp_path):
    """Weights and pixels all at their largest: the int32 sums do not overflow."""
    theta = Parameters((70_000, 3, 2), np.full(210_011, 1.0, np.float32))
    theta.weights[0][:, 1] = -1.0
    model = sample((70_000, 3, 2), parameters=theta, image_shape=(700, 100), scale=1e-7)
    samples = np.full((2, 700, 100), 255, np.uint8)
    write(model, tmp_path / "net.h", "c_int8")
    P = compiled(tmp_path / "net.h", "cc", samples, *SANITIZERS)
    np.testing.assert_allclose(P, probabilities(model, samples), atol=0.01)


@needs_compiler
def test_c_header_has_the_names_of_the_classes(tmp_path):
    model = models()["dense"]
    write(model, tmp_path / "net.h", "c")
    main = """
#include <stdio.h>
#include "net.h"
int main(void) { for (int k = 0; k < NET_CLASSES; k++) puts(net_class_names[k]);
                 uint8_t x[NET_INPUTS] = {0}; return net_class(x); }
"""
    flags = ["-std=c99", "-iquote", tmp_path, "-x", "c", "-", "-lm", "-o", tmp_path / "names"]
    subprocess.run(["cc", *flags], input=main.encode(), check=True)
    done = subprocess.run([tmp_path / "names"], capture_output=True, check=False)
    assert done.stdout.decode().splitlines() == list(model.class_names)
    dark = np.zeros((1, *model.image_shape), np.uint8)
    assert done.returncode == probabilities(model, dark).argmax()


@pytest.mark.parametrize(
    ("file", "name"),
    [("net.h", "net"), ("a b-c.h", "a_b_c"), ("7.h", "network_7"), ("网.h", "network"),
     ("_x.h", "x"), ("int.h", "int")],
)  # fmt: skip
def test_prefix_is_an_identifier(file, name):
    assert prefix(Path("folder", file)) == name


def test_every_activation_has_its_formulas():
    assert list(FORMULAS) == list(ACTIVATIONS)


# ── Files that are read again ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "options"),
    [("torch", {}), *(("npz", {"layout": name}) for name in LAYOUTS)],
    ids=["torch", *LAYOUTS],
)
def test_weights_for_others_answer_as_the_network(tmp_path, model, kind, options):
    samples = samples_of(model)
    write(model, tmp_path / "weights", kind, **options)
    P = FORMATS[kind].ask(tmp_path / "weights", samples)
    np.testing.assert_array_equal(P, probabilities(model, samples))


def test_json_answers_as_the_network(tmp_path, model):
    samples = samples_of(model)
    write(model, tmp_path / "net.json", "json")
    P = FORMATS["json"].ask(tmp_path / "net.json", samples)
    assert P is not None
    np.testing.assert_allclose(P, probabilities(model, samples), atol=1e-6)
    found = json.loads((tmp_path / "net.json").read_bytes())
    assert tuple(found["class_names"]) == model.class_names
    for layer, W in zip(found["layers"], model.parameters.weights, strict=True):
        np.testing.assert_array_equal(np.array(layer["weights"], np.float32), W)


# ── ONNX ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pixels", ["uint8", "float32"])
def test_onnx_answers_as_the_network(tmp_path, model, pixels):
    onnx = pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
    path, samples = tmp_path / "net.onnx", samples_of(model, 200)
    assert write(model, path, "onnx", pixels=pixels) == path.stat().st_size
    file = onnx.load(path)
    onnx.checker.check_model(file, full_check=True)
    assert (file.ir_version, [each.version for each in file.opset_import]) == (8, [17])
    kind = file.graph.input[0].type.tensor_type.elem_type
    assert onnx.helper.tensor_dtype_to_np_dtype(kind) == (pixels if model.has_images else "float32")
    found = FORMATS["onnx"].ask(path, samples)
    assert found is not None
    np.testing.assert_allclose(found, probabilities(model, samples), atol=1e-6)


def test_onnx_by_a_program_that_knows_the_file_alone(tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
    model = models()["colour"]
    samples = samples_of(model, 200)
    write(model, tmp_path / "net.onnx", "onnx")
    session = runtime.InferenceSession(tmp_path / "net.onnx")
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["class_names"]) == list(model.class_names)
    assert facts["dataset"] == model.dataset
    (given,) = session.get_inputs()
    assert (given.type, given.shape) == ("tensor(uint8)", ["n", *model.image_shape])
    P, classes = session.run(["probabilities", "class"], {given.name: samples})
    wanted = probabilities(model, samples)
    np.testing.assert_array_equal(classes, wanted.argmax(axis=1))
    alone = session.run(None, {given.name: samples[:1]})
    np.testing.assert_allclose(alone[0], P[:1], atol=1e-6)


def test_onnx_without_its_runtime_is_asked_by_its_evaluator(tmp_path, monkeypatch):
    pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    model = models()["deep"]
    samples = samples_of(model, 200)
    write(model, tmp_path / "net.onnx", "onnx")
    P = FORMATS["onnx"].ask(tmp_path / "net.onnx", samples)
    assert P is not None
    np.testing.assert_allclose(P, probabilities(model, samples), atol=1e-6)


def test_onnx_file_is_a_function_of_the_model(tmp_path):
    pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
    files = [tmp_path / name for name in ("a.onnx", "b.onnx")]
    for file in files:
        write(models()["deep"], file, "onnx")
    assert files[0].read_bytes() == files[1].read_bytes()


def test_onnx_that_is_missing_or_too_small_for_the_network(tmp_path, monkeypatch):
    model, path = models()["dense"], tmp_path / "net.onnx"
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "onnx", None)
        with pytest.raises(UsageError) as caught:
            write(model, path, "onnx")
    assert "pip install 'handstitch[onnx]'" in str(caught.value.fix)
    pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
    monkeypatch.setattr(onnx_file, "LARGEST", model.parameters.vector.nbytes - 1)
    with pytest.raises(UsageError, match="too large"):
        write(model, path, "onnx")
    assert not path.exists()


# ── Agreement ──────────────────────────────────────────────────────────────────────────────────


@needs_compiler
def test_int8_loses_little_of_what_was_learned(tmp_path):
    images, labels = sketch.draw(1500, seed=0)
    settings: dict[str, Any] = {"receptive_field": (), "shift": 0, "warmup": 0.0}
    classifier = Classifier(
        hidden_sizes=(32, 16), epochs=12, learning_rate=0.01, threads=1, **settings
    )
    model = classifier.fit(images, labels).model
    write(model, tmp_path / "net.h", "c_int8")
    P = FORMATS["c_int8"].ask(tmp_path / "net.h", images)
    assert P is not None
    found = agreement(model, lambda some: P, images)
    assert found is not None
    assert 1e-5 < found.largest < 0.1
    accuracy = float(np.mean(P.argmax(axis=1) == labels))
    assert abs(accuracy - classifier.score(images, labels)) <= 0.003


def test_agreement_sees_another_answer():
    model = models()["dense"]
    samples = samples_of(model, 20)
    P = probabilities(model, samples)
    same = agreement(model, lambda some: P.copy(), samples)
    assert same is not None
    assert same[:3] == (20, 0, 0)
    assert same.largest < 1e-6
    wrong = P.copy()
    wrong[3, P[3].argmin()] += 1
    found = agreement(model, lambda some: wrong, samples)
    assert found is not None
    assert found[:3] == (20, 1, 1)
    assert found.largest == pytest.approx(1)
    assert agreement(model, lambda some: None, samples) is None


def test_close_classes_may_change_places():
    model = sample((30, 2), image_shape=(5, 6))
    for each in (*model.parameters.weights, *model.parameters.biases):
        each[:] = 0
    samples = samples_of(model, 4)
    found = agreement(model, lambda some: np.array([[0.499999, 0.500001]] * 4, np.float32), samples)
    assert found is not None
    assert found[:3] == (4, 4, 0)


def test_file_that_does_not_run_is_an_error(tmp_path):
    path = tmp_path / "predictor.py"
    path.write_text("raise SystemExit('no')")
    with pytest.raises(MachineError, match="does not run"):
        FORMATS["python"].ask(path, samples_of(models()["dense"]))


def test_package_imports_none_of_it():
    program = (
        "import sys, handstitch; "
        "assert not [m for m in sys.modules if 'export' in m or 'onnx' in m or 'sklearn' in m]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
