"""The charts of a page, with their alternative texts."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from handstitch import evaluation, figures, insight
from handstitch.arrays import Matrix
from handstitch.model import Model
from handstitch.records import Evaluation
from handstitch.report import languages
from handstitch.report.gather import Predictions, RunContents
from handstitch.report.languages import Lang, Words
from handstitch.runs.folder import CONFUSION, CURVES, WEIGHTS

_LAYERS: Final = 4
"""Layers drawn before and after: of a deeper network the first two and the last two."""
_PIXELS_PER_INCH: Final = 96  # of CSS
_MANY: Final = 50_000
"""Weights from which a map is a PNG: as an SVG it would be larger and slower."""
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


@dataclass(slots=True)
class Charts:
    """The charts of a run; None where something was missing, or the inputs are no pixels."""

    curves: Chart | None = None
    confusion: Chart | None = None
    classes: Chart | None = None
    calibration: Chart | None = None
    worst: Chart | None = None
    pairs: Chart | None = None
    maps: Chart | None = None
    tiles: Chart | None = None
    before_after: list[Chart] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    """Name of a file in the run's folder → PNG."""


def draw_charts(run: RunContents, words: Words, lang: Lang) -> Charts:
    """Every chart that the contents allow."""
    charts = Charts()
    png_lang = figures.png_language(lang)
    if run.history:
        first, last, best = run.history[0], run.history[-1], run.best or run.history[-1]
        alt = words.curves_alt.format(
            epochs=len(run.history),
            first=percent(first.val_accuracy),
            last=percent(last.val_accuracy),
            best=percent(best.val_accuracy),
            epoch=best.epoch,
            train_first=first.train_loss,
            train_last=last.train_loss,
            val_first=first.val_loss,
            val_last=last.val_loss,
        )
        charts.curves = _chart(figures.curves(run.history, lang=lang), alt)
        charts.files[CURVES] = figures.png(figures.curves(run.history, lang=png_lang))
    if run.evaluation is not None:
        _draw_scores(charts, run.evaluation, words, lang, png_lang)
        if run.predictions is not None:
            _draw_mistakes(charts, run.evaluation, run.predictions, words, lang)
    if run.model is not None:
        _draw_weights(charts, run.model, words, lang, png_lang)
        if run.initial is not None:
            pairs = zip(run.initial.weights, run.model.parameters.weights, strict=True)
            _draw_change(charts, list(pairs), words, lang, png_lang)
    return charts


def _chart(figure: Any, alt: str, numbers: int = 0) -> Chart:
    """As SVG, whose text is sharp at any size; as PNG if it shows very many `numbers`."""
    is_png = numbers > _MANY
    data = figures.png(figure, _DPI) if is_png else figures.svg(figure).encode()
    uri = f"data:image/{'png' if is_png else 'svg+xml'};base64,{base64.b64encode(data).decode()}"
    return Chart(uri, alt, round(figure.get_figwidth() * _PIXELS_PER_INCH))


def _draw_scores(
    charts: Charts, measured: Evaluation, words: Words, lang: Lang, png_lang: Lang
) -> None:
    scores = measured.class_scores
    names = tuple(score.name for score in scores)
    alt = words.confusion_alt.format(
        classes=len(names),
        n=measured.n,
        part=words.parts["test" if measured.part == "test" else "validation"],
        correct=measured.correct,
        pair=_most_confused(measured, words),
    )
    matrix = measured.confusion_matrix
    charts.confusion = _chart(figures.confusion_matrix(matrix, names, lang), alt)
    charts.files[CONFUSION] = figures.png(figures.confusion_matrix(matrix, names, png_lang))
    worst, best = (choose(scores, key=lambda score: score.f1) for choose in (min, max))
    alt = words.classes_alt.format(worst=worst.name, low=worst.f1, best=best.name, high=best.f1)
    charts.classes = _chart(figures.class_scores(scores, lang), alt)


def _most_confused(measured: Evaluation, words: Words) -> str:
    names = tuple(score.name for score in measured.class_scores)
    for true, predicted, count in evaluation.most_confused(measured.confusion_matrix, names, 1):
        return str(words.confused_caption.format(true=true, predicted=predicted, count=count))
    return str(words.no_mistakes.format(n=measured.n))


def _draw_mistakes(
    charts: Charts, measured: Evaluation, predictions: Predictions, words: Words, lang: Lang
) -> None:
    images, labels, P = predictions.images, predictions.labels, predictions.P
    bins = evaluation.calibration_bins(P, labels)
    alt = words.calibration_alt.format(
        bins=len(bins),
        confidence=percent(confidence(P)),
        accuracy=percent(measured.accuracy),
    )
    charts.calibration = _chart(figures.reliability(bins, lang), alt)
    mistakes = int(np.count_nonzero(np.argmax(P, axis=1) != labels))
    if not mistakes or images.ndim == 2:  # features cannot be drawn
        return
    names = tuple(score.name for score in measured.class_scores)
    first = _most_confused(measured, words)
    alt = words.worst_alt.format(shown=min(_WORST, mistakes), mistakes=mistakes, first=first)
    worst = figures.worst_mistakes(images, labels, P, names, most=_WORST, lang=lang)
    charts.worst = _chart(worst, alt)
    pairs = figures.confused_pairs(images, labels, P, names, lang=lang)
    charts.pairs = _chart(pairs, words.pairs_alt.format(first=first))


def _draw_weights(charts: Charts, model: Model, words: Words, lang: Lang, png_lang: Lang) -> None:
    theta, shape = model.parameters, model.image_shape
    use = insight.outgoing_norms(theta)
    figure = figures.heat_maps(theta, png_lang if theta.vector.size > _MANY else lang)
    alt = words.maps_alt.format(layers=len(theta.weights))
    charts.maps = _chart(figure, alt, theta.vector.size)
    if model.has_images:
        alt = words.tiles_alt if len(shape) == 2 else words.tiles_colour_alt
        alt = alt.format(rows=shape[0], columns=shape[1])
        charts.tiles = _chart(figures.unit_tiles(theta.weights[0], shape, use, lang=lang), alt)
    charts.files[WEIGHTS] = figures.png(figures.weights(theta, shape, use, png_lang))


def _draw_change(
    charts: Charts, pairs: list[tuple[Matrix, Matrix]], words: Words, lang: Lang, png_lang: Lang
) -> None:
    """The initial and final weights of the layers."""
    layers = list(enumerate(pairs, 1))
    for layer, (initial, W) in layers if len(layers) <= _LAYERS else layers[:2] + layers[-2:]:
        alt = words.before_after_alt.format(
            layer=layer,
            before=float(initial.std(dtype=np.float64)),
            after=float(W.std(dtype=np.float64)),
        )
        chart_lang = png_lang if W.size > _MANY else lang
        title = languages.words(chart_lang).before_after_title.format(layer=layer)
        figure = figures.before_after(W, initial, title, chart_lang)
        charts.before_after.append(_chart(figure, alt, W.size))


def confidence(P: Matrix) -> float:
    """The mean probability of the predicted class."""
    return float(np.max(P, axis=1).astype(np.float64).mean())


def percent(fraction: float) -> str:
    """A fraction as a percentage with two decimals."""
    return f"{100 * fraction:.2f} %"
