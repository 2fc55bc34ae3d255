"""handstitch export: files are written, asked, and compared with the network."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Handstitch

needs_compiler = pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")


@needs_compiler
def test_files_and_their_agreement(handstitch: Handstitch, trained: Path):
    words = ("--python", "out/p.py", "--json", "net.json", "--c", "net.h", "--c-int8", "net8.h")
    result = handstitch("export", str(trained), *words)
    assert result.code == 0, result.err
    for file in ("out/p.py", "net.json", "net.h", "net8.h"):
        assert f": {file}, {Path(file).stat().st_size:,} bytes" in result.out
    found = re.findall(
        r"the class of the network for (.+) test samples of sketch, its probabilities within (\S+)",
        result.out,
    )
    exact = found[:2] + found[3:]  # without int8
    assert [same for same, _ in exact] == ["all 60"] * 3
    assert all(float(largest) < 1e-5 for _, largest in exact)
    files = ["net.h", "net.json", "net8.h", "out", "runs"]
    assert sorted(path.name for path in Path().iterdir()) == files


@pytest.mark.parametrize(
    "words",
    [("--npz", "w.npz"), ("--npz", "w.npz", "--layout", "coefs_0"), ("--torch", "w.safetensors")],
    ids=["course", "sklearn", "torch"],
)
def test_weights_for_others_are_a_model_again(handstitch: Handstitch, trained: Path, words):
    result = handstitch("export", str(trained), *words)
    assert result.code == 0, result.err
    assert "the class of the network for all 60" in result.out
    models = (words[1], str(trained))
    tested = [handstitch("test", model, "--json").json["confusion_matrix"] for model in models]
    assert tested[0] == tested[1]
    answers = [handstitch("predict", model, "--rows", "0:2", "--json").json for model in models]
    for one, other in zip(*(each["predictions"] for each in answers), strict=True):
        assert one["probabilities"] == other["probabilities"]


def test_what_an_npz_does_not_say_is_said(handstitch: Handstitch):
    import numpy as np

    arrays: dict[str, Any] = {"coefs_0": np.ones((784, 10)), "intercepts_0": np.zeros(10)}
    np.savez("theirs.npz", **arrays)
    result = handstitch("predict", "theirs.npz", "--rows", "0:2", "--dataset", "sketch")
    assert result.code == 0, result.err
    assert "theirs.npz does not say, and is taken to have: activations relu" in result.err
    np.savez("both.npz", **arrays, images=np.zeros((2, 28, 28), np.uint8))
    result = handstitch("predict", "both.npz")
    assert "may be a model or data" in result.err


def test_drawn_samples_where_there_are_no_others(handstitch: Handstitch, trained: Path):
    import handstitch as hs
    from handstitch.data import sketch

    images, labels = sketch.draw(200, seed=0)
    hs.Classifier(hidden_sizes=(4,), epochs=1, threads=1).fit(images, labels).save(
        "own.safetensors"
    )
    result = handstitch("export", "own.safetensors", "--python", "p.py")
    assert result.code == 0, result.err
    assert "for all 2,000 drawn samples" in result.out


def test_without_a_compiler_a_header_is_written_all_the_same(
    handstitch: Handstitch, trained: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    result = handstitch("export", str(trained), "--c", "net.h")
    assert result.code == 0, result.err
    assert "agreement not measured: there is no C compiler" in result.out
    assert Path("net.h").is_file()


def test_onnx(handstitch: Handstitch, trained: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "onnx", None)
        result = handstitch("export", str(trained), "--onnx", "net.onnx")
        assert result.code == 2
        assert "pip install 'handstitch[onnx]'" in result.err
        assert not Path("net.onnx").exists()
    pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
    for words in ((), ("--pixels", "float32")):
        result = handstitch("export", str(trained), "--onnx", "net.onnx", *words)
        assert result.code == 0, result.err
        assert f"ONNX: net.onnx, {Path('net.onnx').stat().st_size:,} bytes" in result.out
        (largest,) = re.findall(r"for all 60 test samples.+within (\S+)", result.out)
        assert float(largest) < 1e-5


def test_no_file_is_named(handstitch: Handstitch, trained: Path):
    result = handstitch("export", str(trained))
    assert result.code == 2
    assert "no file is named" in result.err


@pytest.mark.parametrize(
    "words",
    [("--c", "runs/train/weights/best.safetensors"), ("--c", "x", "--python", "x")],
    ids=["the model", "twice"],
)
def test_no_file_takes_the_place_of_another(handstitch: Handstitch, trained: Path, words):
    model = trained / "weights" / "best.safetensors"
    before = model.read_bytes()
    result = handstitch("export", str(trained), *words)
    assert result.code == 2
    assert "this file would be replaced" in result.err
    assert model.read_bytes() == before
    assert not Path("x").exists()


def test_the_laboratory_of_the_packaged_network(handstitch: Handstitch):
    result = handstitch("export", "--pretrained", "--html", "lab.html")
    assert result.code == 0, result.err
    assert f"laboratory: lab.html, {Path('lab.html').stat().st_size:,} bytes" in result.out
    assert "drawn samples, its probabilities within" in result.out
    result = handstitch("export", "runs/train", "--pretrained", "--html", "lab.html")
    assert result.code == 2
    assert "found runs/train and --pretrained" in " ".join(result.err.split())
