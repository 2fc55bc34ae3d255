"""Evidence adds up to the logits, and what is said to change an answer changes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handstitch import insight
from handstitch.core.activations import ACTIVATIONS
from handstitch.data import sketch
from handstitch.errors import UsageError
from handstitch.evaluation import Evaluator
from handstitch.model import Model
from handstitch.model.classifier import Classifier
from handstitch.model.pretrained import pretrained
from tests.sample_models import GARMENT_SIZES, sample

IMAGES = 100


@pytest.fixture(scope="module")
def network() -> Classifier:
    return pretrained()


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return sketch.draw(IMAGES, 3)[0]


@pytest.fixture(scope="module")
def others(network: Classifier, images: np.ndarray) -> insight.Counterfactuals:
    return insight.counterfactuals(network.model, images)


def worst(model: Model, images: np.ndarray) -> float:
    """The largest error of a sum, in units of the largest sum of absolute contributions."""
    found = insight.evidence(model, images)
    logits = Evaluator(Classifier.of(model, "").network, images, model.scaling).logits()
    largest = np.abs(found.contributions).sum(axis=2).max(axis=1)
    return float((np.abs(found.logits - logits / model.temperature).max(axis=1) / largest).max())


def test_contributions_and_bias_add_up_to_the_logits(
    network: Classifier, images: np.ndarray
) -> None:
    assert network.model.receptive_fields is not None
    assert network.model.temperature != 1
    assert network.model.scaling.offset
    assert worst(network.model, images) < 1e-5


@pytest.mark.parametrize(
    "changes",
    [
        {"activations": ("leaky_relu", "relu")},
        {"activations": ("leaky_relu", "leaky_relu"), "offset": 73.0, "temperature": 2.5},
        {"offset": tuple(range(784)), "scale": tuple(np.linspace(0.01, 0.1, 784).tolist())},
    ],
)
def test_every_exact_network_adds_up(changes: dict[str, Any], images: np.ndarray) -> None:
    changes = {"image_shape": (28, 28), **changes}
    assert worst(sample(GARMENT_SIZES, **changes), images[:20]) < 1e-5


def test_a_wrong_slope_is_seen(images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    model = sample(GARMENT_SIZES, activations=("leaky_relu", "relu"), image_shape=(28, 28))
    f, _ = ACTIVATIONS["leaky_relu"]
    monkeypatch.setitem(ACTIVATIONS, "leaky_relu", (f, lambda dA, A: dA * (A > 0)))
    assert worst(model, images[:20]) > 1e-4


def test_a_pixel_of_zero_contributes_nothing(network: Classifier, images: np.ndarray) -> None:
    found = insight.evidence(network.model, images[:5])
    black = images[:5].reshape(5, 784) == 0
    assert black.any()
    assert not np.moveaxis(found.contributions, 1, 2)[black].any()


def test_other_activations_are_not_exact(images: np.ndarray) -> None:
    model = sample(GARMENT_SIZES, activations=("relu", "tanh"), image_shape=(28, 28))
    for ask in (insight.evidence, insight.counterfactuals):
        with pytest.raises(UsageError, match="not exact for this network"):
            ask(model, images[:1])


def test_a_counterfactual_is_another_answer_in_whole_grey_levels(
    network: Classifier, images: np.ndarray, others: insight.Counterfactuals
) -> None:
    assert others.images.dtype == np.uint8
    assert others.images.shape == images.shape
    before, after = (network.predict_proba(each).argmax(axis=1) for each in (images, others.images))
    assert (before != after).mean() >= 0.99
    np.testing.assert_array_equal(others.is_found, before != after)
    np.testing.assert_array_equal(others.classes, after)


def test_a_counterfactual_is_near(
    network: Classifier, images: np.ndarray, others: insight.Counterfactuals
) -> None:
    """Nearer than the nearest image of another class, which is one as well."""
    found = others.images.astype(float)
    rows, answers = images.reshape(IMAGES, -1).astype(float), network.predict(images)
    between = np.linalg.norm(rows[:, None] - rows, axis=2)
    between[answers[:, None] == answers] = np.inf
    change = np.linalg.norm(found.reshape(IMAGES, -1) - rows, axis=1)
    assert (change < between.min(axis=1)).all()
    assert np.median(change / between.min(axis=1)) < 0.4


def test_an_explanation_adds_up_to_the_log_odds(network: Classifier, images: np.ndarray) -> None:
    P = network.predict_proba(images[:3]).astype(float)
    rivals = np.where(P.argmax(axis=1) == 4, 5, 4)
    for given in (None, rivals):
        for n, found in enumerate(insight.explain(network.model, images[:3], given)):
            assert found.answer == P[n].argmax()
            assert found.rival == (np.argsort(-P[n])[1] if given is None else rivals[n])
            total = found.contributions.sum() + found.bias
            assert total == pytest.approx(found.log_odds, abs=1e-9)
            odds = P[n, found.answer] / P[n, found.rival]
            assert found.log_odds == pytest.approx(np.log(odds), abs=1e-3)
            assert found.regions.sum() == pytest.approx(found.contributions.sum())
            assert found.change is not None
            difference = found.change.image.astype(int) - images[n]
            assert found.change.pixels == np.count_nonzero(difference)
            assert found.change.largest == np.abs(difference).max()
            assert found.change.answer != found.answer


def test_features_have_no_place() -> None:
    model = sample((4, 3, 2), image_shape=(4,))
    with pytest.raises(UsageError, match="only images are explained"):
        next(insight.explain(model, np.zeros((1, 4), np.float32)))
