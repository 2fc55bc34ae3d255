"""The README.md of a run folder: what was trained, on what, how well, and what it is fit for.

Its parts are those of M. Mitchell et al., Model Cards for Model Reporting, arXiv:1810.03993.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Final

from handstitch.config import Config
from handstitch.config.messages import plural
from handstitch.data.catalog import TITLES
from handstitch.errors import printable
from handstitch.evaluation import most_confused
from handstitch.records import Evaluation, RunSummary
from handstitch.runs.folder import START

_TITLES: Final = {
    "curves.png": "Losses and accuracies after each epoch",
    "confusion_matrix.png": "Confusion matrix: true class by row, predicted class by column",
    "weights.png": "Weights of each layer, and the first layer's units as pictures",
}

_UNTESTED: Final = """\
The validation figures chose the weights, so they are biased upwards a little; the test
set was not used in training, and these weights have not been evaluated on it yet.
"""

_UNMEASURED: Final = """\
No image was held out from training, and these weights have not been evaluated on the test set: how
good they are is unknown.
"""

_SIGNS: Final = re.compile(
    r"([\\`*_{}\[\]()|~^$@]"  # anywhere
    r"|^[-+#=]|(?<=^\d)\.(?=\s)"  # at the beginning of a line
    r"|:(?=//)|(?<=www)\.)"  # in what would become a link
)


def write(
    summary: RunSummary,
    config: Config,
    test: Evaluation | None = None,
    evaluations: int = 0,
    pictures: Iterable[str] = (),
) -> str:
    """The card as Markdown.

    `test` is the test result of these weights, if there is one, `evaluations` the number of test
    evaluations of this run, `pictures` the names of files beside the card.
    """
    selected = f"epoch {summary.best_epoch}, the last: no image was held out for validation"
    if summary.best_val_accuracy is not None:
        held_out = f"{summary.val_images:,} held-out images"
        if summary.validation_set:
            held_out = f"{summary.val_images:,} images of {plain(summary.validation_set)}"
        selected = (
            f"epoch {summary.best_epoch} by {config.monitor} on {held_out} |\n"
            f"| validation accuracy | {summary.best_val_accuracy:.4f} |\n"
            f"| validation loss | {summary.best_val_loss:.4f}"
        )
    layers = " - ".join(str(size) for size in summary.sizes)
    activations = ", ".join(dict.fromkeys(config.activations)) or "none"
    data = "sketch" if summary.drawn else plain(summary.dataset)
    build = ", ".join(f"{plain(name)} {plain(value)}" for name, value in summary.build.items())
    shown = "".join(f"![{_TITLES.get(name, name)}]({name})\n\n" for name in pictures)
    epochs = plural(summary.epochs, "epoch")
    again = f" --start-from FOLDER/{START.as_posix()}" if summary.start_digest else ""
    again += " --validation PATH" if summary.validation_set else ""
    return f"""# A network for {data}
{_warning(summary)}
| what | value |
|---|---|
| network | {layers}, activation {activations}, {summary.parameters:,} parameters{_fields(config)} |
{_start(summary)}| trained on | {summary.train_images:,} images of {data}, {epochs} |
| selected | {selected} |
| temperature | {summary.temperature:.3f} |
| training time | {summary.seconds:.1f} s with {summary.threads} threads |
| build | {build} |

## Evaluation

{_evaluation(summary, test, evaluations)}
{shown}## Intended use

Teaching how such a network works, comparing training methods, and classifying {_samples(summary)}.
It always answers with one of its classes. Other objects, and pictures taken in another way, are
outside its training data: `handstitch predict` marks what is unlike the training images, one in
twenty of those that are like them among it, and misses some. No decision that affects people should
depend on it.

## Usage

From the parent of this folder:

    handstitch test FOLDER          accuracy on the test set
    handstitch report FOLDER        all of this with more pictures, as one page: report.html
    handstitch train --config FOLDER/config.toml{again}    repeat the run

`weights/best.safetensors` holds the network (`layers.N.weight` is inputs by outputs) and, as
metadata, the preprocessing of pixels: x ← (x − offset) · scale.
"""


def _fields(config: Config) -> str:
    if not config.receptive_field or config.receptive_field == "auto":
        return ""
    smallest, largest = config.receptive_field
    return (
        "; each unit of the first hidden layer sees a rectangle of the image only, with sides of "
        f"{smallest} to {largest} pixels, and its other weights are 0"
    )


def _start(summary: RunSummary) -> str:
    """The row of the model that the weights are from."""
    if not summary.start_digest:
        return ""
    name, digest = plain(summary.started_from), plain(summary.start_digest[:8])
    return f"| started from | the weights of {name} (SHA-256 {digest}…), not random ones |\n"


def _samples(summary: RunSummary) -> str:
    if summary.dataset in TITLES:
        return (
            f"small grey images\nprepared as those of {plain(summary.dataset)}: "
            f"{summary.sizes[0]} pixels, one centred object, light on dark"
        )
    data = plain(summary.dataset)
    return f"samples\nprepared as those of {data}: {summary.sizes[0]:,} numbers each"


def _evaluation(summary: RunSummary, test: Evaluation | None, evaluations: int) -> str:
    is_validated = summary.best_val_accuracy is not None
    if test is None:
        return _UNTESTED if is_validated else _UNMEASURED
    chosen = "The weights were selected by the validation figures above." if is_validated else ""
    return _tested(test, evaluations, chosen)


def _tested(test: Evaluation, evaluations: int, chosen: str) -> str:
    low, high = test.accuracy_interval
    caution = "; what was chosen by it is biased upwards" if evaluations > 1 else ""
    rows = "".join(
        f"| {plain(score.name)} | {score.precision:.4f} | {score.recall:.4f} | {score.f1:.4f} "
        f"| {score.support:,} |\n"
        for score in test.class_scores
    )
    names = tuple(score.name for score in test.class_scores)
    confused = "".join(
        f"- {plain(true)}, predicted as {plain(predicted)}: {count:,}\n"
        for true, predicted, count in most_confused(test.confusion_matrix, names, 3)
    )
    at = f"temperature {test.temperature:.3f}; {test.uncalibrated_error:.4f} at 1"
    return f"""Accuracy on {test.n:,} test images: **{test.accuracy:.4f}**
(95 % interval {low:.4f} to {high:.4f}), loss {test.loss:.4f}, calibration error
{test.calibration_error:.4f} ({at}). The test log has {plural(evaluations, "evaluation")}{caution}.
{chosen}

| class | precision | recall | F1 | images |
|---|---|---|---|---|
{rows}
{"Most often confused:" if confused else "Nothing was confused."}

{confused}"""


def _warning(summary: RunSummary) -> str:
    if not summary.drawn:
        return ""
    why = f" It was used because {plain(summary.notice)}." if summary.notice else ""
    return (
        "\n**These are not photographs.** The data are `sketch`, garments drawn by Handstitch"
        f" itself; no figure here says anything about Fashion-MNIST.{why}\n"
    )


def plain(text: str) -> str:
    """Untrusted text, escaped for Markdown.

    No invisible characters, no HTML, and every sign that Markdown could take for its own is
    escaped (CommonMark 0.31, backslash escapes).
    """
    return _SIGNS.sub(r"\\\1", html.escape(printable(text), quote=False))
