"""Diagnostics of a training: why it will not learn, in words and with a remedy, while it trains.

Computed from the loss of each epoch and from a small fixed batch of training images, the probe:
before the first step, after a few early steps, and after each epoch. Nothing of the training is
changed. What follows from a cause that was said is not said again: see `KINDS`.
"""

from __future__ import annotations

import logging
from math import ceil, log, sqrt
from typing import TYPE_CHECKING, Final, get_args

import numpy as np

from handstitch import machine
from handstitch.arrays import Labels, Matrix, Vector
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.network import Network
from handstitch.core.parameters import Parameters
from handstitch.errors import Argument, ModelFileError, Phrase
from handstitch.evaluation import Evaluator
from handstitch.records import Diagnosis, DiagnosisKind, EpochRecord
from handstitch.training.callbacks import Callback
from handstitch.training.divergence import lower_rate

if TYPE_CHECKING:
    from handstitch.training.state import State
    from handstitch.training.trainer import Trainer

_logger = logging.getLogger(__name__)

KINDS: Final[tuple[DiagnosisKind, ...]] = get_args(DiagnosisKind)
"""Causes before what follows from them: of an earlier kind, none of a later one is said."""
PROBE: Final = (100, 256)
"""Fewest and most images of the probe; between them, one of every 500 training images."""
STEPS: Final = (5, 10, 100)
"""Steps, counted from 1 over the run, whose updates are measured; the warm-up's last one, too."""
LARGEST_INPUT: Final = 10.0
"""Root mean square of inputs: standardised ones have 1, pixels from 0 to 255 about 100."""
LARGEST_FIRST_LOSS: Final = 3.0
"""In ln(classes): drawn weights on scaled inputs give 1 to 1.5."""
LARGEST_UPDATE: Final = 0.15
"""‖ΔW‖ / ‖W‖ of one step, W as drawn for ReLU (He): 0.1 at most at default rates."""
LARGEST_ADAPTIVE_UPDATE: Final = 0.08
"""The same of rules that divide a gradient by its size: 0.06 at most, and less varied."""
SMALLEST_UPDATE: Final = 1e-5
FLAT: Final = 0.01
"""Mean f′ over the probe, relative to the largest, below which a unit hardly learns."""
MOST_FLAT: Final = 0.75
"""Part of a layer's units; half of a narrow layer may die in a training that goes well."""
FEWEST_STEPS: Final = 50
"""Before a loss like that of guessing is worth a word."""
CHANCE: Final = 0.98
"""Of the loss of guessing: less is learned."""


SENTENCES: Final[dict[DiagnosisKind, str]] = {
    "input scale": "the inputs are not scaled: their root mean square is {value:.3g}, where 1 is "
    "usual",
    "identical units": "the {value:.0f} units of layer {layer} have the same weights, and would "
    "always learn the same",
    "first loss": "the first loss is {value:.3g}, where guessing gives {usual:.2f}",
    "learning rate": "the learning rate is too high: one step changes the weights of layer {layer} "
    "by {value:.0%} of their first size, where 1% is usual",
    "dead units": "{value:.0%} of the units of layer {layer} are dead: 0 on nearly every image, so "
    "that they do not learn",
    "saturation": "{value:.0%} of the units of layer {layer} are saturated: at the flat ends of "
    "their activation function, so that they hardly learn",
    "no learning": "the training loss of {value:.2f} is that of guessing ({usual:.2f})",
    "labels": "the training loss falls, but the validation accuracy of {value:.1%} is that of "
    "guessing ({usual:.1%})",
}


class Diagnostics(Callback):
    """Diagnoses of a training, each logged once as a warning, and kept in `state.diagnoses`.

        diagnostics = Diagnostics()
        trainer.fit(diagnostics.after_step, [diagnostics])

    Every run in a folder has them. A healthy training is passed over in silence.
    """

    def on_start(self, trainer: Trainer) -> None:
        """Look at inputs, weights and loss before the first step."""
        self._trainer = trainer
        indices, (fewest, most) = trainer.batches.train_indices, PROBE
        n = min(len(indices), max(fewest, min(most, len(indices) // 500)))
        # At even intervals: images may be sorted by their class.
        self._chosen = indices[np.linspace(0, len(indices) - 1, n).astype(np.intp)]
        steps, first = len(trainer.batches), STEPS[0]
        warm = ceil(trainer.config.warmup * steps)
        # One of the first epoch at least: what a rate does to the units is seen at its end.
        self._steps = {*STEPS, max(first, warm), min(first, steps)}
        self._before: Parameters | None = None
        self._update = 0.0
        state = trainer.state
        if not state.history and not state.batch:
            self._examine_start()
        self._keep(state)

    def after_step(self, state: State) -> None:
        """Look at the updates of the steps in STEPS, and at the units after them."""
        before, self._before = self._before, None
        if before is not None:
            state.settle()
            self._examine_updates(before, state.network.parameters)
            self._examine_units(state.epoch + 1)
        self._keep(state)

    def on_epoch(self, record: EpochRecord) -> None:
        """Look at the units, and at the loss of the epoch beside that of guessing."""
        self._examine_units(record.epoch)
        self._examine_loss(record)

    def _keep(self, state: State) -> None:
        """Copy θ before a step in STEPS."""
        if state.epoch * len(self._trainer.batches) + state.batch + 1 in self._steps:
            state.settle()
            self._before = state.network.parameters.copy()

    def _examine_start(self) -> None:
        trainer = self._trainer
        theta = trainer.state.network.parameters
        for layer, (W, b, V) in enumerate(
            zip(theta.weights, theta.biases, theta.weights[1:], strict=False), 1
        ):
            if len(b) > 1 and all((rows == rows[0]).all() for rows in (W.T, b, V)):
                self._say("identical units", 0, layer, len(b), 1)
                break
        try:
            with machine.blas_threads(1):
                evaluator = self._evaluator()
                _, work = next(iter(evaluator.batches()))
                size = sqrt(float(np.mean(np.square(work.X, dtype=np.float64))))
                labels = trainer.dataset.labels[self._chosen]
                loss, _ = evaluator.loss_and_accuracy(labels)
        except ModelFileError:  # it overflows: the first batch diverges, and says so
            return
        guessing = log(trainer.sizes[-1])
        if size > LARGEST_INPUT:
            self._say("input scale", 0, 0, size, 1)
        # Two classes are guessed at a loss of 0.7, which chance doubles.
        if loss > LARGEST_FIRST_LOSS * guessing + 2:
            self._say("first loss", 0, 0, loss, guessing)

    def _examine_updates(self, before: Parameters, after: Parameters) -> None:
        # Not beside ‖W‖ as it is: a layer that begins with zeros may, and too large steps soon make
        # weights so large that a step is small beside them.
        ratios = [
            _norm(W - W0) / sqrt(2 * W.shape[1])
            for W, W0 in zip(after.weights, before.weights, strict=True)
        ]
        self._update = max(ratios)
        is_adaptive = self._trainer.config.optimizer in {"rmsprop", "adam", "adamw"}
        largest = LARGEST_ADAPTIVE_UPDATE if is_adaptive else LARGEST_UPDATE
        if self._update > largest:
            layer = ratios.index(self._update) + 1
            epoch = self._trainer.state.epoch + 1
            self._say("learning rate", epoch, layer, self._update, largest)

    def _examine_units(self, epoch: int) -> None:
        try:
            with machine.blas_threads(1):
                shares = self._flat_units()
        except ModelFileError:  # divergence, which says so itself
            return
        activations = self._trainer.state.network.activations
        for layer, (name, share) in enumerate(zip(activations, shares, strict=True), 1):
            if share > MOST_FLAT:
                kind: DiagnosisKind = "dead units" if name == "relu" else "saturation"
                self._say(kind, epoch, layer, share, MOST_FLAT)

    def _flat_units(self) -> list[float]:
        """The part of each hidden layer's units that hardly any image of the probe passes a
        gradient through.
        """
        shares = []
        for _, work in self._evaluator().batches():
            for name, A in zip(self._trainer.state.network.activations, work.outputs, strict=False):
                _, f_backward = ACTIVATIONS[name]
                largest = 0.25 if name == "sigmoid" else 1.0
                slopes = f_backward(np.ones_like(A), A).mean(axis=0) / largest
                # Of leaky ReLU, whose smallest slope it is, no unit is flat.
                shares.append(float(np.mean(slopes < FLAT * (1 - 1e-3))))
        return shares

    def _examine_loss(self, record: EpochRecord) -> None:
        """Whether it is that of guessing, and the accuracy, too, within three standard errors."""
        trainer = self._trainer
        batches, validated = trainer.batches, record.val_loss is not None
        steps = record.epoch * len(batches)
        if steps < FEWEST_STEPS or record.epoch <= trainer.config.warmup:
            return
        trained, weights = trainer.dataset.labels[batches.train_indices], batches.weights
        weights = None if weights is None else weights[batches.train_indices]
        guessing, most_frequent = _guessing(trained, weights)
        loss, accuracy, n = record.train_loss, record.train_accuracy, len(trained)
        learned = loss < 0.9 * guessing
        # A validation loss has no weights, so it says nothing about training with some.
        if weights is None and record.val_loss is not None and record.val_accuracy is not None:
            loss, accuracy = record.val_loss, record.val_accuracy
            n = len(trainer.validation_labels)
            guessing, most_frequent = _guessing(trainer.validation_labels)
        error = sqrt(most_frequent * (1 - most_frequent) / n)
        if loss < CHANCE * guessing or accuracy > most_frequent + 3 * error:
            return
        if learned and validated:
            self._say("labels", record.epoch, 0, accuracy, most_frequent)
        else:
            self._say("no learning", record.epoch, 0, record.train_loss, guessing)

    def _evaluator(self) -> Evaluator:
        trainer, trained = self._trainer, self._trainer.state.network
        network = Network(trained.parameters, trained.activations)  # without dropout's memory
        return Evaluator(network, trainer.batches.images[self._chosen], trainer.scaling)

    def _say(self, kind: DiagnosisKind, epoch: int, layer: int, value: float, usual: float) -> None:
        """Say it, once: not again of the same kind, nor what follows from one that was said."""
        said = self._trainer.state.diagnoses
        if any(KINDS.index(one.kind) <= KINDS.index(kind) for one in said):
            return
        sentence = SENTENCES[kind].format(layer=layer, value=value, usual=usual)
        remedy = self._remedy(kind)
        words = Phrase(f"{sentence}; {remedy.template}", *remedy.parts)
        said.append(
            Diagnosis(
                kind=kind, epoch=epoch, layer=layer, value=value, usual=usual, words=str(words)
            )
        )
        _logger.warning("%s", words)

    def _remedy(self, kind: DiagnosisKind) -> Phrase:
        start, lower = Argument("start_from"), lower_rate(self._trainer.config)
        if kind == "input scale":
            return Phrase("correct the scaling of the model in {}, or leave it out", start)
        if kind == "identical units":
            return Phrase("draw them at random: leave {} out", start)
        if kind == "first loss":
            return Phrase("look for inputs far out, or leave {} out", start)
        if kind == "dead units":
            return Phrase("try {} or {}", lower, Argument("activation", "leaky_relu"))
        if kind == "saturation":
            return Phrase("try {} or {}", lower, Argument("activation", "relu"))
        if kind == "labels":
            return Phrase("look whether the labels belong to the images")
        if kind == "no learning" and 0 < self._update < SMALLEST_UPDATE:
            rate = float(f"{self._trainer.config.learning_rate * 10:.2g}")
            return Phrase("the learning rate is too low: try {}", Argument("learning_rate", rate))
        if kind == "no learning":
            return Phrase("look whether the labels belong to the images, or try {}", lower)
        return Phrase("try {}", lower)


def _guessing(labels: Labels, weights: Vector | None = None) -> tuple[float, float]:
    """Cross-entropy and accuracy of guessing by how frequent each class is."""
    shares = np.bincount(labels, weights)
    shares = shares[shares > 0] / shares.sum()
    counts = np.bincount(labels)
    return -float(np.sum(shares * np.log(shares))), float(counts.max() / counts.sum())


def _norm(W: Matrix) -> float:
    return sqrt(float(np.sum(np.square(W, dtype=np.float64))))
