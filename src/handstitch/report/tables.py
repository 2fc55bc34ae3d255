"""The page's tables: rows of texts and numbers from what was found."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handstitch.config import precedence
from handstitch.config.toml import format_toml
from handstitch.data.catalog import TITLES
from handstitch.evaluation import most_confused, wilson_interval
from handstitch.records import some_epochs
from handstitch.report.charts import confidence, percent
from handstitch.report.gather import Findings
from handstitch.report.languages import Words
from handstitch.runs import folder as run_folder

_EPOCHS: Final = 60
_LOOKS: Final = 20

Rows = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Headline:
    """The figure that people look for first."""

    accuracy: str
    of: str
    """Of how many images; empty where that is not known."""
    interval: str
    """With its explanation; empty where it cannot be told."""
    facts: Rows


def headline(found: Findings, words: Words) -> Headline | None:
    """The accuracy of the weights kept: measured, or as the training recorded it."""
    best, measured, summary = found.best, found.evaluation, found.summary
    if measured is not None:
        n, accuracy, loss = measured.n, measured.accuracy, measured.loss
    elif summary is not None and summary.best_epoch:
        n, accuracy, loss = summary.val_images, summary.best_val_accuracy, summary.best_val_loss
    elif best is not None:
        n, accuracy, loss = 0, best.val_accuracy, best.val_loss
    else:
        return None
    low, high = wilson_interval(round(accuracy * n), n)
    rows: Rows = [(words.accuracy, f"{accuracy:.4f}"), (words.loss, f"{loss:.4f}")]
    if found.model is not None:
        rows.append((words.guessing, percent(1 / len(found.model.class_names))))
    return Headline(
        accuracy=percent(accuracy),
        of=words.headline.format(n=n, part=words.parts[found.part]) if n else "",
        interval=words.interval.format(low=percent(low), high=percent(high)) if n else "",
        facts=rows,
    )


def title_of(dataset: str) -> str:
    """The data set's name as its makers write it."""
    return TITLES.get(dataset, dataset)


def facts(found: Findings, words: Words) -> Rows:
    """What was trained on what."""
    config, summary, model, best = found.config, found.summary, found.model, found.best
    data = title_of(found.dataset)
    if summary is not None:
        data = words.data_value.format(
            train=summary.train_images, val=summary.val_images, dataset=title_of(summary.dataset)
        )
    sizes = model.parameters.sizes if model else ("…", *config.hidden_sizes, "…")
    activations = model.activations if model else config.activations
    method = words.method_value.format(
        optimizer=config.optimizer,
        rate=config.learning_rate,
        batch=config.batch_size,
        schedule=config.schedule,
    )
    by = words.accuracy if config.monitor == "accuracy" else words.loss.partition(" (")[0]
    seconds = sum(record.seconds for record in found.history)
    rows = [
        (words.data, data),
        (words.network, words.network_value.format(sizes=" - ".join(map(str, sizes)))),
        (words.activations, ", ".join(dict.fromkeys(activations)) or words.none),
        (words.parameters, f"{model.parameters.vector.size:,}" if model else ""),
        (words.method, method),
        (words.epochs, words.epochs_value.format(done=len(found.history), epochs=config.epochs)),
        (words.chosen, words.chosen_value.format(epoch=best.epoch, by=by) if best else ""),
        (words.seconds, words.seconds_value.format(seconds=seconds) if seconds else ""),
    ]
    return [row for row in rows if row[1]]


def looks(found: Findings, words: Words) -> Rows:
    """Every look at the test set; of very many the first and the last ones."""
    numbered = list(enumerate(found.looks, 1))
    if len(numbered) > _LOOKS:
        numbered = [numbered[0], *numbered[1 - _LOOKS :]]
    named = {"best": words.best_weights, "last": words.last_weights}
    return [
        (
            f"{number:,}",
            look.time.replace("T", " ").removesuffix("+00:00"),
            named.get(look.weights, look.weights),
            percent(look.accuracy),
            words.yes if look.weights_digest == found.digest else words.no,
        )
        for number, look in numbered
    ]


def epochs(found: Findings, words: Words) -> Rows:
    """The history; of a very long one a choice of epochs, with the best and the last."""
    return [
        (
            f"{record.epoch:,} ({words.best_mark})"
            if record is found.best
            else f"{record.epoch:,}",
            f"{record.train_loss:.4f}",
            percent(record.train_accuracy),
            f"{record.val_loss:.4f}",
            percent(record.val_accuracy),
            f"{record.learning_rate:.3g}",
        )
        for record in some_epochs(found.history, _EPOCHS)
    ]


def confused(found: Findings) -> Rows:
    """The most frequent mistakes."""
    if found.evaluation is None:
        return []
    scores = found.evaluation.class_scores
    numbers = tuple(map(str, range(len(scores))))  # two classes may have one name
    rows: Rows = []
    for *pair, count in most_confused(found.evaluation.confusion_matrix, numbers, 10):
        true, predicted = (scores[int(number)] for number in pair)
        rows.append((true.name, predicted.name, f"{count:,}", percent(count / true.support)))
    return rows


def classes(found: Findings) -> Rows:
    """The scores of each class, the worst first."""
    scores = found.evaluation.class_scores if found.evaluation else []
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


def calibration(found: Findings, words: Words) -> list[str]:
    """What can be said of confidence, in sentences."""
    if found.evaluation is None:
        return []
    said = [words.calibration_value.format(error=found.evaluation.calibration_error)]
    if found.pictures is not None:
        surplus = 100 * (confidence(found.pictures) - found.evaluation.accuracy)
        words_for = words.calibration_over if surplus > 0 else words.calibration_under
        said.append(words_for.format(points=abs(surplus)))
    return said


def layers(found: Findings) -> Rows:
    """The spread and range of each layer's weights; no spread before where it is not known."""
    if found.model is None:
        return []
    rows: Rows = []
    for layer, W in enumerate(found.model.parameters.weights):
        before = f"{found.initial.weights[layer].std():.4f}" if found.initial else "–"
        shape = " × ".join(f"{size:,}" for size in W.shape)
        numbers = (f"{each:.4f}".replace("-", "−") for each in (W.std(), W.min(), W.max()))
        rows.append((str(layer + 1), shape, before, *numbers))
    return rows


def settings(found: Findings, words: Words) -> tuple[Rows, Rows]:
    """(what differs from the default recipe, everything): name, value, default, meaning.

    What the recipe leaves open and a run decides (`auto`) does not differ.
    """
    default = precedence.resolve({}, environment={}).config.to_dict()
    everything: Rows = []
    changed: Rows = []
    for name, value in found.config.to_dict().items():
        usual = default[name]
        texts = [format_toml(name, each).partition(" = ")[2] for each in (value, usual)]
        everything.append((name, *texts, words.meanings[name]))
        if usual not in {"auto", str(value)} if isinstance(usual, str) else usual != value:
            changed.append(everything[-1])
    return changed, everything


def build(found: Findings, words: Words) -> Rows:
    """The machine and the versions that decide the bits, and what they were applied to."""
    summary = found.summary
    versions = found.model.versions if found.model else {}
    rows: Rows = []
    if summary is not None:
        versions = summary.build
        rows = [(words.processor, summary.processor), (words.threads, str(summary.threads))]
    rows += [(words.build.get(name, name), value) for name, value in versions.items()]
    rows.append((words.digest, summary.data_digest if summary else ""))
    rows.append((words.weights_digest, found.digest))
    return [row for row in rows if row[1]]


def commands(found: Findings, words: Words) -> dict[str, str]:
    """What for → command, to repeat the run."""
    run = shown_path(found.folder)
    quoted = shlex.quote(run)
    config = shlex.quote(f"{run}/{run_folder.CONFIG}")
    lang = "" if words.html_lang == "en" else " --lang zh"
    unfinished = found.summary is None and len(found.history) < found.config.epochs
    resume = {words.command_resume: f"handstitch train --resume {quoted}"} if unfinished else {}
    return resume | {
        words.command_train: f"handstitch train --config {config}",
        words.command_test: f"handstitch test {quoted}",
        words.command_report: f"handstitch report {quoted}{lang}",
        words.command_python: f"import handstitch; handstitch.load({run!r}).predict(images)",
    }


def shown_path(folder: Path) -> str:
    """A run's folder as a page may name it: never where somebody's home is."""
    if folder.is_absolute():
        inside = folder.is_relative_to(Path.cwd())
        folder = folder.relative_to(Path.cwd()) if inside else Path(folder.name)
    return folder.as_posix()
