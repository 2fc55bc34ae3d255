"""The page's tables: rows of texts and numbers from what was found."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from handstitch import recipes, run_folder
from handstitch.config_file import as_toml
from handstitch.data.official import TITLES
from handstitch.evaluation import most_confused, wilson_interval
from handstitch.records import EpochRecord
from handstitch.report.drawings import confidence, percent
from handstitch.report.findings import Findings
from handstitch.report.languages import Words

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
    best, measured = found.best, found.evaluation
    if measured is not None:
        n, accuracy, loss = measured.n, measured.accuracy, measured.loss
        low_high: tuple[float, float] | None = measured.accuracy_interval
    elif found.summary is not None and found.summary.best_epoch:
        n, accuracy = found.summary.val_images, found.summary.best_val_accuracy
        loss = found.summary.best_val_loss
        low_high = wilson_interval(round(accuracy * n), n)
    elif best is not None:
        n, accuracy, loss, low_high = 0, best.val_accuracy, best.val_loss, None
    else:
        return None
    rows: Rows = [(words.accuracy, f"{accuracy:.4f}"), (words.loss, f"{loss:.4f}")]
    if found.model is not None:
        rows.append((words.guessing, percent(1 / len(found.model.class_names))))
    return Headline(
        accuracy=percent(accuracy),
        of=words.headline.format(n=n, part=words.parts[found.part]) if n else "",
        interval=words.interval.format(low=percent(low_high[0]), high=percent(low_high[1]))
        if low_high
        else "",
        facts=rows,
    )


def title_of(dataset: str) -> str:
    """The data set's name as its makers write it."""
    return TITLES.get(dataset, dataset)


def facts(found: Findings, words: Words) -> Rows:
    """What was trained on what."""
    config, summary, model = found.config, found.summary, found.model
    rows: Rows = []
    if summary is not None:
        said = words.data_value.format(
            train=summary.train_images, val=summary.val_images, dataset=title_of(summary.dataset)
        )
        rows.append((words.data, said))
    else:
        rows.append((words.data, title_of(found.dataset)))
    sizes: Sequence[object] = ("…", *config.hidden_sizes, "…")
    if model is not None:
        sizes = model.parameters.sizes
    chain = " - ".join(map(str, sizes))
    rows.append((words.network, words.network_value.format(sizes=chain)))
    activations = model.activations if model else config.activations
    rows.append((words.activations, ", ".join(dict.fromkeys(activations)) or words.none))
    if model is not None:
        rows.append((words.parameters, f"{model.parameters.vector.size:,}"))
    method = words.method_value.format(
        optimizer=config.optimizer,
        rate=config.learning_rate,
        batch=config.batch_size,
        schedule=config.schedule,
    )
    rows.append((words.method, method))
    epochs = words.epochs_value.format(done=len(found.history), epochs=config.epochs)
    rows.append((words.epochs, epochs))
    if found.best is not None:
        kept = words.chosen_value.format(
            epoch=found.best.epoch,
            by=words.accuracy if config.best_by == "accuracy" else words.loss.partition(" (")[0],
        )
        rows.append((words.chosen, kept))
    if seconds := sum(record.seconds for record in found.history):
        rows.append((words.seconds, words.seconds_value.format(seconds=seconds)))
    return rows


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
    history = found.history
    steps = np.linspace(0, len(history) - 1, min(_EPOCHS, len(history))).round()
    chosen = {int(step) for step in steps}
    if found.best is not None:
        chosen.add(found.best.epoch - 1)
    return [_epoch(history[index], found.best, words) for index in sorted(chosen)]


def _epoch(record: EpochRecord, best: EpochRecord | None, words: Words) -> tuple[str, ...]:
    mark = f" ({words.best_mark})" if record is best else ""
    return (
        f"{record.epoch:,}{mark}",
        f"{record.train_loss:.4f}",
        percent(record.train_accuracy),
        f"{record.val_loss:.4f}",
        percent(record.val_accuracy),
        f"{record.learning_rate:.3g}",
    )


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


def layers(found: Findings, words: Words) -> Rows:
    """The spread and range of each layer's weights."""
    if found.model is None:
        return []
    rows: Rows = []
    for layer, W in enumerate(found.model.parameters.weights):
        before = f"{found.initial.weights[layer].std():.4f}" if found.initial else words.none
        shape = " × ".join(f"{size:,}" for size in W.shape)
        numbers = (W.std(), W.min(), W.max())
        rows.append((str(layer + 1), shape, before, *(_signed(number) for number in numbers)))
    return rows


def _signed(number: float) -> str:
    return f"{number:.4f}".replace("-", "−")


def settings(found: Findings, words: Words) -> tuple[Rows, Rows]:
    """(what differs from the default recipe, everything): name, value, default, meaning.

    What the recipe leaves open and a run decides (`auto`) does not differ.
    """
    default = recipes.resolve({}, environment={}).config
    everything: dict[str, tuple[str, ...]] = {}
    changed = []
    for name, value in found.config.to_dict().items():
        usual = default.to_dict()[name]
        everything[name] = (name, _value(name, value), _value(name, usual), words.meanings[name])
        if usual not in {"auto", str(value)} if isinstance(usual, str) else usual != value:
            changed.append(name)
    return [everything[name] for name in changed], list(everything.values())


def _value(name: str, value: object) -> str:
    return as_toml(name, value).partition(" = ")[2]


def build(found: Findings, words: Words) -> Rows:
    """The machine and the versions that decide the bits, and what they were applied to."""
    rows: Rows = []
    versions = found.model.versions if found.model else {}
    if found.summary is not None:
        rows = [
            (words.processor, found.summary.processor),
            (words.threads, str(found.summary.threads)),
        ]
        versions = found.summary.build
    rows += [(words.build.get(name, name), value) for name, value in versions.items()]
    if found.summary is not None:
        rows.append((words.digest, found.summary.data_digest))
    if found.digest:
        rows.append((words.weights_digest, found.digest))
    return rows


def commands(found: Findings, words: Words) -> Rows:
    """(what for, command) to repeat it."""
    run = shown_path(found.folder)
    quoted = shlex.quote(run)
    config = shlex.quote(f"{run}/{run_folder.CONFIG}")
    lang = "" if words.html_lang == "en" else " --lang zh"
    rows: Rows = []
    if found.summary is None and len(found.history) < found.config.epochs:
        rows.append((words.command_resume, f"handstitch train --resume {quoted}"))
    rows += [
        (words.command_train, f"handstitch train --config {config}"),
        (words.command_test, f"handstitch test {quoted}"),
        (words.command_report, f"handstitch report {quoted}{lang}"),
        (words.command_python, f"import handstitch; handstitch.load({run!r}).predict(images)"),
    ]
    return rows


def shown_path(folder: Path) -> str:
    """A run's folder as a page may name it: never where somebody's home is."""
    if not folder.is_absolute():
        return folder.as_posix()
    here = Path.cwd()
    return (
        folder.relative_to(here) if folder.is_relative_to(here) else Path(folder.name)
    ).as_posix()
