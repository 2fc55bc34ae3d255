"""The charts of a page, with their alternative texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from handstitch import evaluation, figures, insight
from handstitch.arrays import Matrix
from handstitch.core.parameters import Parameters
from handstitch.model import Model
from handstitch.records import Evaluation, is_validated
from handstitch.report import pictures
from handstitch.report.explanation import Reason, reasons
from handstitch.report.gather import Predictions, RunContents
from handstitch.report.languages import Lang, Words, in_words, translations
from handstitch.report.layouts import LAYOUTS, chart
from handstitch.report.pictures import Gallery
from handstitch.runs.folder import CONFUSION, CURVES, WEIGHTS

_EXPLAINED: Final = 8
"""Mistakes explained, the most confident ones."""
_NO_PHONE: Final = {"middle": 680, "wide": 860}
"""Layouts of a matrix: a telephone has the table of the most frequent mistakes instead."""
_ONE: Final = {"narrow middle wide": 340}
_TWO: Final = {"narrow": 340, "middle wide": 680}


class Charts:
    """The charts of a page in `lang`, and pictures for the run's folder."""

    def __init__(self, lang: Lang) -> None:
        self.lang, self.png_lang = lang, figures.png_language(lang)
        self.named = defaultdict[str, list[Markup | Gallery]](list)
        """Name → charts; none where something was missing."""
        self.structure = ""
        """A sentence on the units of the first layer."""
        self.files: dict[str, bytes] = {}
        """Name of a file in the run's folder → PNG."""
        self.reasons: list[Reason] = []
        """Explanations of the most confident mistakes."""

    def add(
        self,
        name: str,
        draw: Callable[[int, Lang], Any],
        alt: str,
        layouts: Mapping[str, int] = LAYOUTS,
        *,
        file: str = "",
    ) -> None:
        """Draw a chart as inline SVG, for each width of `layouts` one; with `file` it is a PNG of
        that name as well, as wide as the widest.
        """
        key = f"{name}{len(self.named[name]) or ''}"
        self.named[name].append(chart(lambda width: draw(width, self.lang), alt, key, layouts))
        if file:
            self.files[file] = figures.png(draw(max(layouts.values()), self.png_lang))


def draw_charts(run: RunContents, words: Words, lang: Lang) -> Charts:
    """Every chart that the contents allow."""
    charts, history = Charts(lang), run.history
    if history:
        first, last, best = history[0], history[-1], run.best or history[-1]
        charts.add(
            "curves",
            lambda width, lang: figures.curves(history, lang=lang, width=width),
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
        measured = in_words(run.evaluation, words)
        _draw_scores(charts, run.evaluation, measured, words)
        if run.predictions is not None:
            _draw_predictions(charts, measured, run.predictions, words)
            if run.model is not None:
                charts.reasons = _explain_mistakes(run.model, run.predictions, words)
    if run.model is not None:
        _draw_weights(charts, run.model, run.initial, words)
        if run.initial is not None:
            charts.named["before_after"] += pictures.changes(
                run.initial, run.model.parameters, words
            )
    return charts


def _draw_scores(charts: Charts, own: Evaluation, measured: Evaluation, words: Words) -> None:
    """Charts of the scores; a PNG that is English for want of a font has the classes' own names."""
    matrix, scores = measured.confusion_matrix, measured.class_scores
    names = {
        lang: [score.name for score in found.class_scores]
        for lang, found in (("en", own), (charts.lang, measured))
    }
    charts.add(
        "confusion",
        lambda width, lang: figures.confusion_matrix(matrix, names[lang], lang, width),
        words.confusion_alt.format(
            classes=len(scores),
            n=measured.n,
            part=words.parts["test" if measured.part == "test" else "validation"],
            correct=measured.correct,
            pair=_most_confused(measured, words),
        ),
        _NO_PHONE,
        file=CONFUSION,
    )
    worst, best = (choose(scores, key=lambda score: score.f1) for choose in (min, max))
    charts.add(
        "classes",
        lambda width, lang: figures.class_scores(scores, lang, width),
        words.classes_alt.format(worst=worst.name, low=worst.f1, best=best.name, high=best.f1),
        _TWO,
    )


def _most_confused(measured: Evaluation, words: Words) -> str:
    names = [score.name for score in measured.class_scores]
    for true, predicted, count in evaluation.most_confused(measured.confusion_matrix, names, 1):
        return str(words.confused_caption.format(true=true, predicted=predicted, count=count))
    return str(words.no_mistakes.format(n=measured.n))


def _draw_predictions(
    charts: Charts, measured: Evaluation, predictions: Predictions, words: Words
) -> None:
    labels, P = predictions.labels, predictions.P
    temperatures = {1.0: predictions.P_uncalibrated, predictions.temperature: P}
    for temperature, at in temperatures.items():
        bins = evaluation.calibration_bins(at, labels)
        charts.add(
            "calibration",
            partial(_reliability, bins, temperature),
            words.calibration_alt.format(
                temperature=temperature,
                bins=len(bins),
                confidence=percent(confidence(at)),
                accuracy=percent(measured.accuracy),
            ),
            _ONE,
        )
    is_wrong = np.argmax(P, axis=1) != labels
    if is_wrong.any() and predictions.images.ndim > 2:  # features cannot be drawn
        first = _most_confused(measured, words)
        names = [score.name for score in measured.class_scores]
        charts.named["worst"].append(pictures.worst_mistakes(predictions, names, first, words))
        charts.named["pairs"] += pictures.confused_pairs(measured, predictions, first, words)


def _reliability(bins: Any, temperature: float, width: int, lang: Lang) -> Any:
    return figures.reliability(bins, temperature, lang, width)


def _explain_mistakes(model: Model, found: Predictions, words: Words) -> list[Reason]:
    """The evidence for the most confident mistakes, against their true classes."""
    chosen = evaluation.confident_mistakes(found.labels, found.P)[:_EXPLAINED]
    if not len(chosen) or not model.has_images or not insight.is_exact(model):
        return []
    true = found.labels[chosen].astype(np.intp)
    explained = insight.explain(model, found.images[chosen], true, changes=False)
    other = translations(model.class_names, words)
    names = [model.class_names[label] for label in true]
    return reasons(explained, model.class_names, [other.get(n, n) for n in names], words)


def _draw_weights(charts: Charts, model: Model, initial: Parameters | None, words: Words) -> None:
    theta, shape, fields = model.parameters, model.image_shape, model.receptive_fields
    charts.named["maps"] += pictures.weight_maps(theta, words)
    if model.has_images:
        gallery, charts.structure = pictures.unit_tiles(model, initial, words)
        charts.named["tiles"].append(gallery)
    use = insight.outgoing_norms(theta)
    weights = figures.weights(theta, shape, use, charts.png_lang, fields=fields)
    charts.files[WEIGHTS] = figures.png(weights)


def confidence(P: Matrix) -> float:
    """The mean probability of the predicted class."""
    return float(np.max(P, axis=1).astype(np.float64).mean())


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with two decimals; – for none."""
    return "–" if fraction is None else f"{100 * fraction:.2f} %"
