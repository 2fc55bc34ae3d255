"""The evidence for a run's mistakes, beside them on its page."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from msgspec import structs
from PIL import Image

from handstitch import insight
from handstitch.core.network import Network
from handstitch.evaluation import Evaluator
from handstitch.report.charts import _explain_mistakes
from handstitch.report.gather import Predictions, RunContents
from handstitch.report.languages import words
from handstitch.report.page import render
from tests.report.hostile import PIECES
from tests.report.reading import Page, breaches
from tests.report.samples import make_charts, make_contents


def make_predictions(found: RunContents) -> Predictions:
    """What the network itself answers, to the images of the contents."""
    assert found.model is not None
    assert found.predictions is not None
    model, of = found.model, found.predictions
    network = Network(model.parameters, model.activations)
    P = Evaluator(network, of.images, model.scaling).probabilities(model.temperature)
    return Predictions(of.images, of.labels, P, P, 1.0)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_worst_mistakes_are_explained_against_their_true_class(lang: str) -> None:
    found = make_contents(list(map(repr, PIECES[:3])))
    predictions, model, charts = make_predictions(found), found.model, make_charts()
    assert model is not None
    said = words("zh" if lang == "zh" else "en")
    charts.reasons = _explain_mistakes(model, predictions, said)
    assert len(charts.reasons) == 8
    wrong = np.flatnonzero(predictions.P.argmax(axis=1) != predictions.labels)
    worst = wrong[np.argmax(predictions.P[wrong].max(axis=1))]
    first, true = charts.reasons[0], int(predictions.labels[worst])
    answer = int(predictions.P[worst].argmax())
    assert first.against == said.explain["against"].format(
        answer=model.class_names[answer], rival=model.class_names[true]
    )
    of = insight.evidence(model, predictions.images[worst : worst + 1])
    parts = (of.contributions[0, answer] - of.contributions[0, true]).reshape(4, 4)
    drawn = base64.b64decode(first.pictures[1].uri.partition(",")[2])
    colours = np.asarray(Image.open(io.BytesIO(drawn)).convert("RGBA")).astype(int)
    strong = np.abs(parts) > 0.1 * np.abs(parts).max()
    assert strong.sum() > 4
    np.testing.assert_array_equal((colours[..., 0] > colours[..., 2])[strong], (parts > 0)[strong])
    page = render(found, charts, said)
    assert breaches(page) == []
    assert said.explain["mistakes"]["heading"] in Page(page).text
    before = len(Page(render(found, make_charts(), said)).all("img"))
    assert len(Page(page).all("img")) == before + 16


def test_what_is_not_exact_is_not_on_the_page() -> None:
    found = make_contents()
    model = found.model
    assert model is not None
    bent = structs.replace(model, activations=("tanh",))
    assert _explain_mistakes(bent, make_predictions(found), words("en")) == []
    assert words("en").explain["mistakes"]["heading"] not in render(
        found, make_charts(), words("en")
    )
