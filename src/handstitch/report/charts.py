"""The pictures of a page, each with the text that stands for it."""

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
from handstitch.report.gather import Findings, Notify, Pictures
from handstitch.report.languages import Lang, Words
from handstitch.runs.folder import CONFUSION, CURVES, WEIGHTS

_LAYERS: Final = 4
"""Layers drawn before and after: of a deeper network the first two and the last two."""
_PIXELS_PER_INCH: Final = 96  # of CSS
_MANY: Final = 50_000
"""Weights that are nothing but pixels, of which an SVG would be larger and slower."""
_WORST: Final = 24
"""Mistakes drawn: the most confident ones."""
_DPI: Final = 120
"""Of such pictures: a quarter finer than the page's own pixels."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture within the page."""

    uri: str
    """data: URI of an image."""
    alt: str
    width: int
    """CSS pixels at which its text has the size that was meant."""


@dataclass(slots=True)
class Drawings:
    """What could be drawn of a run; None where something was missing."""

    curves: Drawing | None = None
    confusion: Drawing | None = None
    classes: Drawing | None = None
    calibration: Drawing | None = None
    worst: Drawing | None = None
    pairs: Drawing | None = None
    maps: Drawing | None = None
    tiles: Drawing | None = None
    before_after: list[Drawing] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    """Name of a file in the run's folder → PNG."""


def draw(found: Findings, words: Words, lang: Lang, notify: Notify = lambda line: None) -> Drawings:
    """Every picture that the findings allow. Raises MachineError without matplotlib.

    `notify` hears of a machine whose fonts cannot draw PNGs in this language.
    """
    made = Drawings()
    png_lang = figures.png_language(lang, notify)
    if found.history:
        figure = figures.curves(found.history, lang=lang)
        made.curves = _drawing(figure, _alt_of_curves(found, words))
        made.files[CURVES] = figures.png(figures.curves(found.history, lang=png_lang))
    if found.evaluation is not None:
        _draw_scores(made, found.evaluation, words, lang, png_lang)
        if found.pictures is not None:
            _draw_mistakes(made, found.evaluation, found.pictures, words, lang)
    if found.model is not None:
        _draw_weights(made, found.model, words, lang, png_lang)
        if found.initial is not None:
            pairs = zip(found.initial.weights, found.model.parameters.weights, strict=True)
            _draw_change(made, list(pairs), words, lang, png_lang)
    return made


def _drawing(figure: Any, alt: str, numbers: int = 0) -> Drawing:
    """As SVG, whose text is sharp at any size; as PNG if it shows very many `numbers`."""
    is_png = numbers > _MANY
    data = figures.png(figure, _DPI) if is_png else figures.svg(figure).encode()
    uri = f"data:image/{'png' if is_png else 'svg+xml'};base64,{base64.b64encode(data).decode()}"
    return Drawing(uri, alt, round(figure.get_figwidth() * _PIXELS_PER_INCH))


def _alt_of_curves(found: Findings, words: Words) -> str:
    first, last, best = found.history[0], found.history[-1], found.best or found.history[-1]
    return str(
        words.curves_alt.format(
            epochs=len(found.history),
            first=percent(first.val_accuracy),
            last=percent(last.val_accuracy),
            best=percent(best.val_accuracy),
            epoch=best.epoch,
            train_first=first.train_loss,
            train_last=last.train_loss,
            val_first=first.val_loss,
            val_last=last.val_loss,
        )
    )


def _draw_scores(
    made: Drawings, measured: Evaluation, words: Words, lang: Lang, png_lang: Lang
) -> None:
    scores = measured.class_scores
    names = tuple(score.name for score in scores)
    made.confusion = _drawing(
        figures.confusion_matrix(measured.confusion_matrix, names, lang),
        words.confusion_alt.format(
            classes=len(names),
            n=measured.n,
            part=words.parts["test" if measured.part == "test" else "validation"],
            correct=measured.correct,
            pair=_most_confused(measured, names, words),
        ),
    )
    figure = figures.confusion_matrix(measured.confusion_matrix, names, png_lang)
    made.files[CONFUSION] = figures.png(figure)
    worst, best = (choose(scores, key=lambda score: score.f1) for choose in (min, max))
    alt = words.classes_alt.format(worst=worst.name, low=worst.f1, best=best.name, high=best.f1)
    made.classes = _drawing(figures.class_scores(scores, lang), alt)


def _most_confused(measured: Evaluation, names: tuple[str, ...], words: Words) -> str:
    pairs = evaluation.most_confused(measured.confusion_matrix, names, 1)
    if not pairs:
        return str(words.no_mistakes.format(n=measured.n))
    true, predicted, count = pairs[0]
    return str(words.confused_caption.format(true=true, predicted=predicted, count=count))


def _draw_mistakes(
    made: Drawings, measured: Evaluation, seen: Pictures, words: Words, lang: Lang
) -> None:
    bins = evaluation.calibration_bins(seen.P, seen.labels)
    alt = words.calibration_alt.format(
        bins=len(bins), confidence=percent(confidence(seen)), accuracy=percent(measured.accuracy)
    )
    made.calibration = _drawing(figures.reliability(bins, lang), alt)
    mistakes = int(np.count_nonzero(np.argmax(seen.P, axis=1) != seen.labels))
    if not mistakes:
        return
    names = tuple(score.name for score in measured.class_scores)
    first = _most_confused(measured, names, words)
    shown = (seen.images, seen.labels, seen.P, names)
    alt = words.worst_alt.format(shown=min(_WORST, mistakes), mistakes=mistakes, first=first)
    made.worst = _drawing(figures.worst_mistakes(*shown, most=_WORST, lang=lang), alt)
    alt = words.pairs_alt.format(first=first)
    made.pairs = _drawing(figures.confused_pairs(*shown, lang=lang), alt)


def _draw_weights(made: Drawings, model: Model, words: Words, lang: Lang, png_lang: Lang) -> None:
    theta, shape, use = (
        model.parameters,
        model.image_shape,
        insight.outgoing_norms(model.parameters),
    )
    alt = words.maps_alt.format(layers=len(theta.weights))
    figure = figures.heat_maps(theta, png_lang if theta.vector.size > _MANY else lang)
    made.maps = _drawing(figure, alt, theta.vector.size)
    alt = words.tiles_alt.format(rows=shape[0], columns=shape[1])
    made.tiles = _drawing(figures.unit_tiles(theta.weights[0], shape, use, lang=lang), alt)
    made.files[WEIGHTS] = figures.png(figures.weights(theta, shape, use, png_lang))


def _draw_change(
    made: Drawings, pairs: list[tuple[Matrix, Matrix]], words: Words, lang: Lang, png_lang: Lang
) -> None:
    """Each layer's initial and final weights."""
    layers = list(enumerate(pairs, 1))
    for layer, (start, W) in layers if len(layers) <= _LAYERS else layers[:2] + layers[-2:]:
        alt = words.before_after_alt.format(
            layer=layer, before=float(start.std()), after=float(W.std())
        )
        drawn_in = png_lang if W.size > _MANY else lang
        title = languages.words(drawn_in).before_after_title.format(layer=layer)
        figure = figures.before_after(W, start, title, drawn_in)
        made.before_after.append(_drawing(figure, alt, W.size))


def confidence(seen: Pictures) -> float:
    """Mean probability of the classes named."""
    return float(np.max(seen.P, axis=1).astype(np.float64).mean())


def percent(fraction: float) -> str:
    """A fraction as people say it."""
    return f"{100 * fraction:.2f} %"
