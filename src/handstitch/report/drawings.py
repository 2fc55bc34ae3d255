"""The pictures of a page, each with the text that stands for it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from handstitch import evaluation, figures
from handstitch.report import languages
from handstitch.report.findings import Findings, Notify, Pictures
from handstitch.report.languages import Lang, Words
from handstitch.run_folder import CONFUSION, CURVES, WEIGHTS

if TYPE_CHECKING:
    from handstitch.records import Evaluation

_LAYERS: Final = 4
"""Layers drawn before and after: of a deeper network the first two and the last two."""
_PIXELS_PER_INCH: Final = 96  # of CSS
_MANY: Final = 50_000
"""Weights that are nothing but pixels, of which an SVG would be larger and slower."""
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
    if found.evaluation is not None and found.pictures is not None:
        _draw_mistakes(made, found.evaluation, found.pictures, words, lang)
    _draw_weights(made, found, words, lang, png_lang)
    return made


def _drawing(figure: Any, alt: str, numbers: int = 0) -> Drawing:
    """As SVG, whose text is sharp at any size; as PNG if it shows very many `numbers`."""
    if numbers > _MANY:
        kind, data = "png", figures.png(figure, _DPI)
    else:
        kind, data = "svg+xml", figures.svg(figure).encode()
    width = round(figure.get_figwidth() * _PIXELS_PER_INCH)
    return Drawing(f"data:image/{kind};base64,{base64.b64encode(data).decode()}", alt, width)


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
    most = 24
    figure = figures.worst_mistakes(seen.images, seen.labels, seen.P, names, most=most, lang=lang)
    alt = words.worst_alt.format(shown=min(most, mistakes), mistakes=mistakes, first=first)
    made.worst = _drawing(figure, alt)
    figure = figures.confused_pairs(seen.images, seen.labels, seen.P, names, lang=lang)
    made.pairs = _drawing(figure, words.pairs_alt.format(first=first))


def _draw_weights(
    made: Drawings, found: Findings, words: Words, lang: Lang, png_lang: Lang
) -> None:
    model = found.model
    if model is None:
        return

    def language_of(numbers: int) -> Lang:
        return png_lang if numbers > _MANY else lang

    weights = model.parameters.weights
    use = found.pictures.use if found.pictures is not None else None
    if use is None and len(weights) > 1:
        use = np.linalg.norm(weights[1], axis=1).astype(np.float32)
    figure = figures.heat_maps(model.parameters, language_of(model.parameters.vector.size))
    alt = words.maps_alt.format(layers=len(weights))
    made.maps = _drawing(figure, alt, model.parameters.vector.size)
    rows, columns = model.image_shape
    figure = figures.unit_tiles(weights[0], model.image_shape, use, lang=lang)
    made.tiles = _drawing(figure, words.tiles_alt.format(rows=rows, columns=columns))
    made.files[WEIGHTS] = figures.png(
        figures.weights(model.parameters, model.image_shape, use, png_lang)
    )
    if found.initial is None:
        return
    layers = list(range(len(weights)))
    if len(layers) > _LAYERS:
        layers = layers[:2] + layers[-2:]
    for layer in layers:
        W, initial = weights[layer], found.initial.weights[layer]
        alt = words.before_after_alt.format(
            layer=layer + 1, before=float(initial.std()), after=float(W.std())
        )
        drawn_in = language_of(W.size)
        title = languages.words(drawn_in).before_after_title.format(layer=layer + 1)
        figure = figures.before_after(W, initial, title, drawn_in)
        made.before_after.append(_drawing(figure, alt, W.size))


def confidence(seen: Pictures) -> float:
    """Mean probability of the classes named."""
    return float(np.max(seen.P, axis=1).astype(np.float64).mean())


def percent(fraction: float) -> str:
    """A fraction as people say it."""
    return f"{100 * fraction:.2f} %"
