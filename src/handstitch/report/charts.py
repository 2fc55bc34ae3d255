"""The charts of a page, with their alternative texts."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from handstitch import evaluation, figures, insight
from handstitch.arrays import Matrix
from handstitch.core.parameters import Parameters
from handstitch.model import Model
from handstitch.records import Evaluation, is_validated
from handstitch.report import languages
from handstitch.report.explanation import Reason, reasons
from handstitch.report.gather import Predictions, RunContents
from handstitch.report.languages import Lang, Words
from handstitch.runs.folder import CONFUSION, CURVES, WEIGHTS

_LAYERS: Final = 4
"""Layers drawn before and after: of a deeper network the first two and the last two."""
_PIXELS_PER_INCH: Final = 96  # of CSS
_MANY: Final = 50_000
"""Weights from which a map is a PNG: as an SVG it would be larger and slower."""
_EXPLAINED: Final = 8
"""Mistakes explained, the same ones first."""
_WORST: Final = 24
"""Mistakes drawn: the most confident ones."""
_DPI: Final = 120
"""Resolution of such a PNG: a quarter finer than the page's own pixels."""


@dataclass(frozen=True, slots=True)
class Chart:
    """An image within the page."""

    uri: str
    """data: URI of an image."""
    alt: str
    width: int
    """CSS pixels at which its text has the intended size."""


class Charts:
    """The charts of a page in `lang`, and pictures for the run's folder."""

    def __init__(self, lang: Lang) -> None:
        self.lang, self.png_lang = lang, figures.png_language(lang)
        self.named = defaultdict[str, list[Chart]](list)
        """Name → charts; none where something was missing."""
        self.files: dict[str, bytes] = {}
        """Name of a file in the run's folder → PNG."""
        self.reasons: list[Reason] = []
        """Explanations of the most confident mistakes."""

    def add(
        self, name: str, draw: Callable[[Lang], Any], alt: str, *, numbers: int = 0, file: str = ""
    ) -> None:
        """Draw a chart as SVG, whose text is sharp at any size; as PNG if it shows very many
        `numbers`. With `file` it is a picture of that name as well.
        """
        is_png = numbers > _MANY
        figure = draw(self.png_lang if is_png else self.lang)
        data = figures.png(figure, _DPI) if is_png else figures.svg(figure).encode()
        kind, content = "png" if is_png else "svg+xml", base64.b64encode(data).decode()
        width = round(figure.get_figwidth() * _PIXELS_PER_INCH)
        self.named[name].append(Chart(f"data:image/{kind};base64,{content}", alt, width))
        if file:
            self.files[file] = figures.png(draw(self.png_lang))


def draw_charts(run: RunContents, words: Words, lang: Lang) -> Charts:
    """Every chart that the contents allow."""
    charts, history = Charts(lang), run.history
    if history:
        first, last, best = history[0], history[-1], run.best or history[-1]
        charts.add(
            "curves",
            lambda lang: figures.curves(history, lang=lang),
            (words.curves_alt if is_validated(history) else words.curves_alt_training).format(
                epochs=len(history),
                first=percent(first.val_accuracy),
                last=percent(last.val_accuracy),
                best=percent(best.val_accuracy),
                epoch=best.epoch,
                train_first=first.train_loss,
                train_last=last.train_loss,
                val_first=first.val_loss,
                val_last=last.val_loss,
            ),
            file=CURVES,
        )
    if run.evaluation is not None:
        _draw_scores(charts, run.evaluation, words)
        if run.predictions is not None:
            _draw_mistakes(charts, run.evaluation, run.predictions, words)
            if run.model is not None:
                charts.reasons = _explain_mistakes(run.model, run.predictions, words)
    if run.model is not None:
        _draw_weights(charts, run.model, words)
        if run.initial is not None:
            _draw_change(charts, run.initial, run.model.parameters, words)
    return charts


def _draw_scores(charts: Charts, measured: Evaluation, words: Words) -> None:
    matrix, scores = measured.confusion_matrix, measured.class_scores
    names = [score.name for score in scores]
    charts.add(
        "confusion",
        lambda lang: figures.confusion_matrix(matrix, names, lang),
        words.confusion_alt.format(
            classes=len(names),
            n=measured.n,
            part=words.parts["test" if measured.part == "test" else "validation"],
            correct=measured.correct,
            pair=_most_confused(measured, words),
        ),
        file=CONFUSION,
    )
    worst, best = (choose(scores, key=lambda score: score.f1) for choose in (min, max))
    charts.add(
        "classes",
        lambda lang: figures.class_scores(scores, lang),
        words.classes_alt.format(worst=worst.name, low=worst.f1, best=best.name, high=best.f1),
    )


def _most_confused(measured: Evaluation, words: Words) -> str:
    names = [score.name for score in measured.class_scores]
    for true, predicted, count in evaluation.most_confused(measured.confusion_matrix, names, 1):
        return str(words.confused_caption.format(true=true, predicted=predicted, count=count))
    return str(words.no_mistakes.format(n=measured.n))


def _draw_mistakes(
    charts: Charts, measured: Evaluation, predictions: Predictions, words: Words
) -> None:
    images, labels, P = predictions.images, predictions.labels, predictions.P
    temperatures = {1.0: predictions.P_uncalibrated, predictions.temperature: P}
    for temperature, at in temperatures.items():
        bins = evaluation.calibration_bins(at, labels)
        charts.add(
            "calibration",
            partial(figures.reliability, bins, temperature),
            words.calibration_alt.format(
                temperature=temperature,
                bins=len(bins),
                confidence=percent(confidence(at)),
                accuracy=percent(measured.accuracy),
            ),
        )
    mistakes = int(np.count_nonzero(np.argmax(P, axis=1) != labels))
    if mistakes and images.ndim > 2:  # features cannot be drawn
        sample = (images, labels, P, [score.name for score in measured.class_scores])
        first = _most_confused(measured, words)
        charts.add(
            "worst",
            lambda lang: figures.worst_mistakes(*sample, _WORST, lang=lang),
            words.worst_alt.format(shown=min(_WORST, mistakes), mistakes=mistakes, first=first),
        )
        charts.add(
            "pairs",
            lambda lang: figures.confused_pairs(*sample, lang=lang),
            words.pairs_alt.format(first=first),
        )


def _explain_mistakes(model: Model, found: Predictions, words: Words) -> list[Reason]:
    """The evidence for the most confident mistakes, against their true classes."""
    wrong = np.flatnonzero(np.argmax(found.P, axis=1) != found.labels)
    chosen = wrong[np.argsort(-found.P[wrong].max(axis=1), kind="stable")][:_EXPLAINED]
    if not len(chosen) or not model.has_images or not insight.is_exact(model):
        return []
    true = found.labels[chosen].astype(np.intp)
    explained = insight.explain(model, found.images[chosen], true, changes=False)
    names = [model.class_names[label] for label in true]
    return reasons(explained, model.class_names, names, words)


def _draw_weights(charts: Charts, model: Model, words: Words) -> None:
    theta, shape, fields = model.parameters, model.image_shape, model.receptive_fields
    W, use = theta.weights[0], insight.outgoing_norms(theta)
    charts.add(
        "maps",
        lambda lang: figures.heat_maps(theta, lang),
        words.maps_alt.format(layers=len(theta.weights)),
        numbers=theta.vector.size,
    )
    if model.has_images:
        alt = words.tiles_alt if len(shape) == 2 else words.tiles_colour_alt
        charts.add(
            "tiles",
            lambda lang: figures.unit_tiles(W, shape, use, lang=lang, fields=fields),
            alt.format(rows=shape[0], columns=shape[1]),
        )
    if fields:
        charts.add(
            "fields",
            lambda lang: figures.receptive_fields(fields, lang),
            words.fields_alt.format(units=len(fields.rectangles)),
        )
    weights = figures.weights(theta, shape, use, charts.png_lang, fields=fields)
    charts.files[WEIGHTS] = figures.png(weights)


def _draw_change(charts: Charts, initial: Parameters, theta: Parameters, words: Words) -> None:
    """The initial and final weights of the layers."""
    layers = list(range(len(theta.weights)))
    for layer in layers if len(layers) <= _LAYERS else layers[:2] + layers[-2:]:
        after, before = theta.weights[layer], initial.weights[layer]
        charts.add(
            "before_after",
            partial(_before_after, after, before, layer + 1),
            words.before_after_alt.format(
                layer=layer + 1,
                before=float(before.std(dtype=np.float64)),
                after=float(after.std(dtype=np.float64)),
            ),
            numbers=after.size,
        )


def _before_after(after: Matrix, before: Matrix, layer: int, lang: Lang) -> Any:
    title = languages.words(lang).before_after_title.format(layer=layer)
    return figures.before_after(after, before, title, lang)


def confidence(P: Matrix) -> float:
    """The mean probability of the predicted class."""
    return float(np.max(P, axis=1).astype(np.float64).mean())


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with two decimals; – for none."""
    return "–" if fraction is None else f"{100 * fraction:.2f} %"
