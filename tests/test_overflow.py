"""A sound model file whose network overflows: an answer with exit code 4 and no warning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import handstitch as hs
from handstitch import cli, evaluation, report
from handstitch.core.network import Network
from handstitch.data import loading
from handstitch.data.scaling import Scaling
from handstitch.errors import DivergedError, ModelFileError
from handstitch.evaluation import Evaluator
from handstitch.model import Model, load_model, save_model
from handstitch.training import Trainer
from tests.sample_models import GARMENT_SIZES, sample

IMAGES = np.full((3, 28, 28), 200, np.uint8)


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loading, "_SKETCH", {"train": (200, 2017), "test": (50, 2018)})
    monkeypatch.chdir(tmp_path)


def make_model(kind: str) -> Model:
    model = sample(GARMENT_SIZES, image_shape=(28, 28))
    if kind == "scale":
        return sample(GARMENT_SIZES, image_shape=(28, 28), scale=1e300)
    model.parameters.vector[:] *= np.float32(1e30)
    return model


@pytest.mark.parametrize("kind", ["weights", "scale"])
@pytest.mark.parametrize(
    "words",
    ["test", "test --json", "predict", "show weights --stats"],
)
def test_the_command_line_says_so(
    kind: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(Path("m.safetensors"), make_model(kind))
    assert cli.run([*words.split(), "m.safetensors"]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert "the network overflows on these images" in err
    assert "Warning" not in err


def test_the_page_of_such_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    run = hs.train(hs.Config(epochs=1, hidden_sizes=(16, 8)), data="sketch", out="run")
    best = run.folder / "weights" / "best.safetensors"
    model = load_model(best)
    model.parameters.vector[:] *= np.float32(1e37)
    save_model(best, model)
    for words in ("report run", "show weights run", "show run"):
        assert cli.run(words.split()) == 0
    err = capsys.readouterr().err
    assert "sketch: the network overflows on these images" in err
    assert "the network overflows on these images: there are no predictions" in err.lower()
    assert "cannot be used" not in err
    assert "Warning" not in err


@pytest.mark.parametrize(("factor", "code"), [(0.1, 0), (10, 4)])
def test_every_verb_takes_the_same_logits_for_an_overflow(factor: float, code: int) -> None:
    run = hs.train(hs.Config(epochs=1, hidden_sizes=(8,)), data="sketch", out="run")
    best = run.folder / "weights" / "best.safetensors"
    model = load_model(best)
    network, scaling = Network(model.parameters, model.activations), run.trainer.batches.scaling
    images = loading.load("sketch", "test").images
    (_, work), *_ = Evaluator(network, images, scaling).batches()
    scale = factor * evaluation._LARGEST_LOGIT / float(np.abs(work.outputs[-1]).max())
    model.parameters.weights[-1][:] *= np.float32(scale)
    save_model(best, model)
    assert cli.run(["predict", "run", "--rows", "0:50"]) == code
    assert ("overflow" in report.make("run").missing) == (code == 4)
    assert cli.run(["test", "run"]) == code
    assert ("overflow" in report.make("run").missing) == (code == 4)


@pytest.mark.parametrize("kind", ["weights", "scale"])
@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_from_python(kind: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend == "numpy":
        monkeypatch.setattr("handstitch.model.inference.unavailable_reason", lambda: "not here")
    save_model(Path("m.safetensors"), make_model(kind))
    classifier = hs.Classifier.load("m.safetensors")
    classify = classifier.compiled()
    asked: list[Any] = [
        lambda: classifier.predict_proba(IMAGES),
        lambda: classifier.score(IMAGES, [0, 1, 2]),
        lambda: classify(IMAGES),
        lambda: classify(IMAGES[0]),
    ]
    for ask in asked:
        with pytest.raises(ModelFileError, match="overflows"):
            ask()


def test_large_and_finite_is_an_answer() -> None:
    model = make_model("weights")
    model.parameters.vector[:] /= np.float32(1e22)
    P = Evaluator(
        Network(model.parameters, model.activations), IMAGES, Scaling(0.0, 1 / 256)
    ).probabilities()
    np.testing.assert_allclose(P.sum(axis=1), 1)


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_in_training_it_is_divergence(backend: Any) -> None:
    config = hs.Config.preset("plain", learning_rate=0.01, epochs=1, backend=backend)
    labels = np.arange(200) % 10
    images = np.random.default_rng(0).integers(0, 256, (200, 28, 28), np.uint8)
    trainer = Trainer(replace(config, hidden_sizes=(8,)), hs.Dataset.from_arrays(images, labels))

    def spoil(state: Any) -> None:
        state.network.parameters.vector[:] = 1e30

    with pytest.raises(DivergedError):
        trainer.fit(spoil)
