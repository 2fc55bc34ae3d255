"""A training run and its folder: what is in it, who may write it, and how to go on with it.

config.toml              every setting, resolved; can be fed back
history.csv              one line per epoch
weights/best.safetensors the network of the best epoch
weights/last.safetensors everything a run needs to go on, and the one before it
summary.json             what came out, on which data and machine
train.log · README.md    the same for people
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from handstitch import checkpoint, machine, model_card, storage, training
from handstitch.checkpoint import Model
from handstitch.classifier import Classifier
from handstitch.config import Config, from_mapping
from handstitch.core.parameters import Parameters
from handstitch.data import sources
from handstitch.data.dataset import Dataset
from handstitch.errors import UsageError
from handstitch.recipes import to_toml
from handstitch.records import EpochRecord, RunSummary

RUNS: Final = Path("runs")
"""Where runs go that are not told where to go."""
CONFIG: Final = "config.toml"
BEST: Final = Path("weights", "best.safetensors")
LAST: Final = Path("weights", "last.safetensors")
HISTORY: Final = "history.csv"
SUMMARY: Final = "summary.json"

Notify = Callable[[str], None]


class Run:
    """One run in its folder: `with begin(…) as run: for record in run.train(): …`.

    While it is open the folder is locked against other processes and the BLAS has the run's
    number of threads.
    """

    def __init__(self, folder: Path, config: Config, dataset: Dataset, reason: str = "") -> None:
        self.folder = folder
        self.config = config
        self.dataset = dataset
        self.reason = reason
        """Why the data are `sketch` though nobody asked for it; else empty."""
        self.task = training.Task(config, dataset)
        self.state = training.start(config, self.task.sizes)
        self.build = machine.build()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(storage.FolderLock(self.folder))
            opening.enter_context(machine.blas_threads(int(self.config.threads)))
            self._open = opening.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def train(
        self, after_step: Callable[[training.State], None] | None = None
    ) -> Iterator[EpochRecord]:
        """Train to the end and yield each epoch's record once everything of it is on disk."""
        for record in training.train(self.state, self.task, self.config, after_step):
            if record.is_best:
                checkpoint.save_model(self.folder / BEST, self.best_model())
            self.save_last()
            storage.write(self.folder / HISTORY, history_csv(self.state.history).encode())
            storage.write(self.folder / "train.log", self._log().encode())
            yield record
        self.finish()

    def save_last(self) -> None:
        """Write everything the run needs to go on from this step."""
        slots = self.state.optimizer.slots
        checkpoint.save_state(
            self.folder / LAST,
            self._model(self.state.network.parameters, self.state.history),
            {
                **{f"optimizer.{name}": slot.vector for name, slot in slots.items()},
                **({"best": self.state.best.vector} if self.state.history else {}),
            },
            {
                "epoch": self.state.epoch,
                "batch": self.state.batch,
                "loss": self.state.loss,
                "correct": self.state.correct,
                "samples": self.state.samples,
                "steps": self.state.optimizer.steps,
                "data": self.dataset.digest,
            },
        )

    def finish(self) -> None:
        """Write what came out."""
        summary = self.summary()
        text = msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"
        storage.write(self.folder / SUMMARY, text)
        card = model_card.write(summary, self.config)
        storage.write(self.folder / "README.md", card.encode())

    def best_model(self) -> Model:
        """The network of the best epoch, with the history up to it."""
        best = self.state.best_record
        end = best.epoch if best else 0
        return self._model(self.state.best, self.state.history[:end])

    def summary(self) -> RunSummary:
        """What came out so far."""
        best = self.state.best_record
        return RunSummary(
            dataset=self.dataset.name,
            drawn=self.dataset.name == "sketch",
            notice=self.reason,
            data_digest=self.dataset.digest,
            train_images=len(self.task.batches.chosen),
            val_images=len(self.task.validation_labels),
            sizes=list(self.task.sizes),
            parameters=self.state.network.parameters.vector.size,
            epochs=self.state.epoch,
            best_epoch=best.epoch if best else 0,
            best_val_accuracy=best.val_accuracy if best else 0.0,
            best_val_loss=best.val_loss if best else 0.0,
            train_seconds=sum(record.train_seconds for record in self.state.history),
            seconds=sum(record.seconds for record in self.state.history),
            threads=int(self.config.threads),
            build=self.build,
            processor=machine.processor(),
        )

    def _model(self, parameters: Parameters, history: list[EpochRecord]) -> Model:
        return Model(
            parameters=parameters,
            activations=tuple(self.config.activations),
            offset=self.task.scaling.offset,
            scale=self.task.scaling.scale,
            class_names=self.dataset.class_names,
            image_shape=self.dataset.image_shape,
            dataset=self.dataset.name,
            config=self.config.to_dict(),
            history=tuple(timeless(record) for record in history),
            versions=self.build,
            origin="handstitch",
        )

    def _log(self) -> str:
        return "".join(line(record) + "\n" for record in self.state.history)


def begin(
    config: Config,
    out: Path | None = None,
    data_dir: Path | None = None,
    notify: Notify = lambda line: None,
) -> Run:
    """A new run in a new folder: `out`, or the next free one of runs/train, runs/train-2, ….

    The data set is found and verified and the thread count resolved before the folder is made.
    On `sketch` that nobody asked for, the folder's name says so, too.
    """
    choice = sources.resolve(config.dataset, data_dir, notify=notify)
    dataset = sources.load(choice.name, "train", data_dir, notify=notify)
    config = from_mapping(
        config.to_dict()
        | {"dataset": choice.name, "threads": machine.resolve_threads(config.threads)},
        "this run",
    )
    # A Task and its network are made first, so that a setting which does not fit the data leaves
    # no folder behind.
    run = Run(Path(), config, dataset, choice.reason)
    files = {CONFIG: to_toml(config).encode()}
    if out is None:
        stem = "train-sketch" if choice.reason else "train"
        run.folder = storage.new_folder(RUNS, stem, files)
    else:
        run.folder = storage.claim_folder(out, files)
    return run


def newest(parent: Path = RUNS) -> Path:
    """The run that was begun last. Raises UsageError if there is none."""
    found = [each.parent for each in parent.glob(f"*/{CONFIG}")]
    if not found:
        raise UsageError(
            "there is no run yet",
            found=f"no run in the folder {parent}",
            wanted="a run to read",
            fix="train one: handstitch train; or name one that is elsewhere",
        )
    return max(found, key=lambda folder: ((folder / CONFIG).stat().st_mtime_ns, folder.name))


def weights_of(path: Path, which: str = "best") -> Path:
    """The model file that a path means: itself, or the best or last weights of the run there."""
    if not path.is_dir():
        return path
    if not (path / CONFIG).exists():
        raise UsageError(
            "this folder is not a run",
            file=path,
            found=f"no {CONFIG} in it",
            wanted="a folder made by handstitch train, or a model file",
            fix=f"name one of: {', '.join(map(str, sorted(RUNS.glob('*/')))) or 'none so far'}",
        )
    return path / (BEST if which == "best" else LAST)


def load(path: str | Path, weights: str = "best") -> Classifier:
    """The trained network of a run folder (its best weights, or its last) or of a model file."""
    path = Path(path)
    return Classifier(weights_of(path, weights), weights if path.is_dir() else path.name)


def line(record: EpochRecord) -> str:
    """An epoch in the course report's wording, then rate, seconds, and `best` where it is."""
    best = ", best" if record.is_best else ""
    return (
        f"Epoch {record.epoch}, Train Loss: {record.train_loss:.4f}, "
        f"Val Loss: {record.val_loss:.4f}, Val Accuracy: {record.val_accuracy:.4f}"
        f" (rate {record.learning_rate:.3g}, {record.seconds:.2f} s{best})"
    )


def history_csv(history: list[EpochRecord]) -> str:
    """The records as a table with a header; numbers are written exactly."""
    text = io.StringIO()
    table = csv.DictWriter(text, EpochRecord.__struct_fields__, lineterminator="\n")
    table.writeheader()
    table.writerows(msgspec.structs.asdict(record) for record in history)
    return text.getvalue()


def timeless(record: EpochRecord) -> dict[str, Any]:
    """A record without its seconds: what a model file may know of it."""
    return {
        name: value
        for name, value in msgspec.structs.asdict(record).items()
        if name not in {"train_seconds", "seconds"}
    }
