"""Tables of the page: rows of texts and numbers from the contents of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from handstitch.config import Config
from handstitch.config.toml import format_toml
from handstitch.data.catalog import TITLES
from handstitch.errors import shell_word
from handstitch.evaluation import most_confused, wilson_interval
from handstitch.records import some_epochs
from handstitch.report.charts import confidence, percent
from handstitch.report.gather import RunContents
from handstitch.report.languages import Words, in_words
from handstitch.runs import folder as run_folder

_EPOCHS: Final = 60
_TESTS: Final = 20

Rows = list[tuple[str, ...]]


def headline(run: RunContents, words: Words) -> dict[str, Any] | None:
    """The accuracy of the best weights: evaluated, or as recorded in training.

    `of` and `interval` are empty where the number of images is unknown.
    """
    best, measured, summary = run.best, run.evaluation, run.summary
    n = 0
    accuracy, loss = (best.val_accuracy, best.val_loss) if best else (None, None)
    if measured is not None:
        n, accuracy, loss = measured.n, measured.accuracy, measured.loss
    elif summary is not None and summary.best_epoch:
        n, accuracy, loss = summary.val_images, summary.best_val_accuracy, summary.best_val_loss
    if accuracy is None or loss is None:
        return None
    low, high = wilson_interval(round(accuracy * n), n)
    rows: Rows = [(words.accuracy, f"{accuracy:.4f}"), (words.loss, f"{loss:.4f}")]
    if run.model is not None:
        rows.append((words.guessing, percent(1 / len(run.model.class_names))))
    return {
        "accuracy": percent(accuracy),
        "of": words.headline.format(n=n, part=words.parts[run.part]) if n else "",
        "interval": words.interval.format(low=percent(low), high=percent(high)) if n else "",
        "facts": rows,
    }


def facts(run: RunContents, words: Words) -> Rows:
    """Data set, network and training method."""
    config, summary, model, best = run.config, run.summary, run.model, run.best
    data = TITLES.get(run.dataset, run.dataset)
    if summary is not None:
        value = words.data_value if summary.val_images else words.data_value_all
        data = (words.data_value_own if summary.validation_set else value).format(
            validation=summary.validation_set,
            train=summary.train_images,
            val=summary.val_images,
            dataset=TITLES.get(summary.dataset, summary.dataset),
        )
    sizes = model.parameters.sizes if model else ("…", *config.hidden_sizes, "…")
    activations = dict.fromkeys(model.activations if model else config.activations)
    by = words.accuracy if config.monitor == "accuracy" else re.split(r" \(|（", words.loss)[0]
    selected = words.selected_value if run.is_validated else words.selected_value_last
    seconds = sum(record.seconds for record in run.history)
    return _known(
        (words.data, data),
        (words.network, words.network_value.format(sizes=" - ".join(map(str, sizes)))),
        (words.start, _start(run, words)),
        (words.activations, ", ".join(activations) or words.none),
        (words.parameters, f"{model.parameters.vector.size:,}" if model else ""),
        (words.fields, _fields(run, words)),
        (
            words.method,
            words.method_value.format(
                optimizer=config.optimizer,
                rate=config.learning_rate,
                batch=config.batch_size,
                schedule=config.schedule,
            ),
        ),
        (words.epochs, words.epochs_value.format(done=len(run.history), epochs=config.epochs)),
        (words.selected, selected.format(epoch=best.epoch, by=by) if best else ""),
        (words.seconds, words.seconds_value.format(seconds=seconds) if seconds else ""),
    )


def _fields(run: RunContents, words: Words) -> str:
    """The receptive fields in a sentence; empty for a dense layer."""
    if run.model is None or run.model.receptive_fields is None:
        return ""
    fields = run.model.receptive_fields
    smallest, largest = fields.sides
    inside = int(fields.mask.sum())
    sentence = words.fields_value.format(
        smallest=smallest, largest=largest, inside=inside, all=fields.mask.size
    )
    return str(sentence)


def _start(run: RunContents, words: Words) -> str:
    """The model that the first weights are from; empty where they were drawn."""
    name = run.summary.started_from if run.summary else "…"
    digest = run.model.start_digest if run.model else ""
    return words.start_value.format(name=name, digest=digest) if digest else ""


def _known(*rows: tuple[str, str]) -> Rows:
    """The rows that have a value."""
    return [row for row in rows if row[1]]


def test_log(run: RunContents, words: Words) -> Rows:
    """The test evaluations; of very many the first and the last ones."""
    numbered = list(enumerate(run.test_log, 1))
    if len(numbered) > _TESTS:
        numbered = [numbered[0], *numbered[1 - _TESTS :]]
    named = {"best": words.best_weights, "last": words.last_weights}
    return [
        (
            f"{number:,}",
            test.time.replace("T", " ").removesuffix("+00:00"),
            named.get(test.weights, test.weights),
            percent(test.accuracy),
            words.yes if test.weights_digest == run.digest else words.no,
        )
        for number, test in numbered
    ]


def epochs(run: RunContents, words: Words) -> Rows:
    """The history; of a long one some epochs, the best and the last among them."""
    best = run.best if run.is_validated else None
    return [
        (
            f"{record.epoch:,}" + f" ({words.best_mark})" * (record is best),
            f"{record.train_loss:.4f}",
            percent(record.train_accuracy),
            "–" if record.val_loss is None else f"{record.val_loss:.4f}",
            percent(record.val_accuracy),
            f"{record.learning_rate:.3g}",
        )
        for record in some_epochs(run.history, _EPOCHS)
    ]


def confused(run: RunContents, words: Words) -> Rows:
    """The most frequent mistakes."""
    if run.evaluation is None:
        return []
    matrix, scores = run.evaluation.confusion_matrix, in_words(run.evaluation, words).class_scores
    return [
        (true.name, predicted.name, f"{count:,}", percent(count / true.support))
        for true, predicted, count in most_confused(matrix, scores, 10)
    ]


def classes(run: RunContents, words: Words) -> Rows:
    """The scores of the classes, the lowest F1 first."""
    scores = in_words(run.evaluation, words).class_scores if run.evaluation else []
    return [
        (
            score.name,
            percent(score.precision),
            percent(score.recall),
            f"{score.f1:.4f}",
            f"{score.support:,}",
        )
        for score in sorted(scores, key=lambda score: score.f1)
    ]


def calibration(run: RunContents, words: Words) -> list[str]:
    """The calibration in sentences."""
    if run.evaluation is None:
        return []
    found = run.evaluation
    sentences = [
        words.calibration_value.format(
            error=found.calibration_error,
            uncalibrated=found.uncalibrated_error,
            temperature=found.temperature,
        )
    ]
    if run.predictions is not None:
        surplus = 100 * (confidence(run.predictions.P) - run.evaluation.accuracy)
        sentence = words.calibration_over if surplus > 0 else words.calibration_under
        sentences.append(sentence.format(points=abs(surplus)))
    return sentences


def layers(run: RunContents) -> Rows:
    """Standard deviations and ranges of the layers' weights; – for an unknown initial one."""
    weights = run.model.parameters.weights if run.model else []
    return [
        (
            str(layer + 1),
            f"{W.shape[0]:,} × {W.shape[1]:,}",
            f"{run.initial.weights[layer].std():.4f}" if run.initial else "–",
            *(f"{x:.4f}".replace("-", "−") for x in (W.std(dtype="float64"), W.min(), W.max())),
        )
        for layer, W in enumerate(weights)
    ]


def settings(values: Mapping[str, Any], words: Words) -> tuple[Rows, Rows]:
    """(settings that differ from the default recipe, all): name, value, default, meaning.

    `values` are as of `Config.to_dict`. A setting that the recipe leaves open (`auto`) does not
    differ.
    """
    default = Config().to_dict()
    everything: Rows = [
        (
            name,
            *(_setting(name, known) for known in (value, default[name])),
            words.meanings[name],
        )
        for name, value in values.items()
    ]
    return [
        row for row in everything if default[row[0]] not in ("auto", values[row[0]])
    ], everything


def _setting(name: str, value: object) -> str:
    """The value of a setting as in TOML, but a size as sizes are written."""
    if name == "image_size" and isinstance(value, (list, tuple)) and value:
        return " × ".join(map(str, value))
    return format_toml(name, value).partition(" = ")[2]


def language_flag(words: Words) -> str:
    """What a command lacks to write a page in this language."""
    return "" if words.html_lang == "en" else " --lang zh"


def as_typed(folder: Path) -> str:
    """A folder as it is typed in a command; a page never shows where somebody's home is."""
    if folder.is_absolute():
        home = Path.cwd() if folder.is_relative_to(Path.cwd()) else folder.parent
        folder = folder.relative_to(home)
    return folder.as_posix()


def build(run: RunContents, words: Words) -> Rows:
    """The machine and the versions that determine the bits, and digests of data and weights."""
    summary = run.summary
    versions = summary.build if summary else run.model.versions if run.model else {}
    return _known(
        (words.processor, summary.processor if summary else ""),
        (words.threads, str(summary.threads) if summary else ""),
        *((words.build.get(name, name), version) for name, version in versions.items()),
        (words.digest, summary.data_digest if summary else ""),
        (words.weights_digest, run.digest),
    )


def commands(run: RunContents, words: Words) -> dict[str, str]:
    """Purpose → command, to repeat the run."""
    path = as_typed(run.folder)
    quoted = shell_word(path)
    lang = language_flag(words)
    unfinished = run.summary is None and len(run.history) < run.config.epochs
    resume = {words.command_resume: f"handstitch train --resume {quoted}"} if unfinished else {}
    validation = run.summary.validation_set if run.summary else ""
    options = f" --validation {shell_word(validation)}" if validation else ""
    if run.model and run.model.start_digest:
        options += f" --start-from {shell_word(f'{path}/{run_folder.START.as_posix()}')}"
    return resume | {
        words.command_train: f"handstitch train --config "
        f"{shell_word(f'{path}/{run_folder.CONFIG}')}{options}",
        words.command_test: f"handstitch test {quoted}",
        words.command_report: f"handstitch report {quoted}{lang}",
        words.command_python: f"import handstitch; handstitch.load({path!r}).predict(images)",
    }
