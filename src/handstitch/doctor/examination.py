"""Examination of all parts of a data set, one kind of finding after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import numpy as np

from handstitch.arrays import Indices
from handstitch.config import Config
from handstitch.data.catalog import PARTS, TITLES
from handstitch.data.dataset import Dataset
from handstitch.data.sources import Source
from handstitch.doctor import drift, duplicates, label_errors
from handstitch.doctor.findings import (
    Drift,
    Findings,
    Group,
    GroupCounts,
    Kind,
    PartFacts,
    PartLabels,
    Sample,
    Skipped,
    Suspect,
)
from handstitch.errors import printable

MOST: Final = 1_000
"""Suspects of a part, groups of duplicates, and constant samples that are listed, at most."""

Stage = Literal["duplicates", "labels", "drift"]
Progress = Callable[[Stage, float], None]
"""Called with what is examined, and the fraction of it that is done."""


def parts_of(source: Source) -> list[Dataset]:
    """Training, test and, where it has one of its own, validation."""
    loaded = [*map(source.load, PARTS), source.validation]
    return [part for part in loaded if part is not None]


def examine(
    source: Source, config: Config | None = None, progress: Progress = lambda stage, done: None
) -> Findings:
    """Everything that is found in the data set; of `config`, the seed, threads and backend count.

    The same findings for the same data, seed, backend and machine. Raises as `Source.load` and
    `Trainer` do.
    """
    return Examination(source, config or Config(), progress).findings()


class Examination:
    """The parts of a data set, and where each sample of all parts in turn belongs."""

    def __init__(self, source: Source, config: Config, progress: Progress) -> None:
        self.parts = parts_of(source)
        self.config, self.progress = config, progress
        self.files = source.files
        self.source = source
        self.starts = np.cumsum([0, *map(len, self.parts)])
        self.part_of = np.repeat(np.arange(len(self.parts)), [len(part) for part in self.parts])
        self.labels = np.concatenate([part.labels for part in self.parts])
        self.first: Indices = duplicates.originals([part.images for part in self.parts])
        self.skipped: list[Skipped] = []

    def findings(self) -> Findings:
        """All of them."""
        constant = [duplicates.is_constant(part.images) for part in self.parts]
        groups, counts = self._duplicates()
        return Findings(
            dataset=self.source.name,
            title=TITLES.get(self.source.name, self.source.name),
            location=printable(self.parts[0].location),
            seed=self.config.seed,
            folds=label_errors.FOLDS,
            parts=tuple(
                _facts(part, int(found.sum()))
                for part, found in zip(self.parts, constant, strict=True)
            ),
            constant=tuple(map(self._sample, np.flatnonzero(np.concatenate(constant))[:MOST])),
            duplicates=counts,
            groups=tuple(groups[:MOST]),
            labels=self._labels(),
            drift=self._drift(),
            skipped=tuple(self.skipped),
        )

    def _sample(self, number: Any) -> Sample:
        part = self.parts[self.part_of[number]]
        position = int(number - self.starts[self.part_of[number]])
        files = self.files.get(part.part, ())
        return Sample(
            part=part.part,
            position=position,
            label=part.class_names[part.labels[position]],
            file=printable(files[position]) if len(files) else "",
        )

    def _duplicates(self) -> tuple[list[Group], dict[Kind, GroupCounts]]:
        """Groups, those across parts first, then those of several classes; and their counts."""
        self.progress("duplicates", 0)
        members: dict[Kind, list[tuple[Indices, float]]] = {
            "exact": [(group, 1.0) for group in duplicates.groups_of(self.first)],
            "near": [],
        }
        images = [part.images for part in self.parts]
        if images[0].ndim == 2:
            self.skipped.append("near features")
        elif (near := duplicates.near_groups(images, self.first)) is None:
            self.skipped.append("near alike")
        else:
            members["near"] = list(near)
        self.progress("duplicates", 1)
        counts = {
            kind: self._counts([each for each, _ in found]) for kind, found in members.items()
        }
        groups = [
            Group(
                kind=kind,
                similarity=similarity,
                is_across=bool(np.ptp(self.part_of[group])),
                labels_differ=self._differ(group),
                samples=tuple(map(self._sample, group)),
            )
            for kind, found in members.items()
            for group, similarity in found
        ]
        groups.sort(
            key=lambda group: (not group.is_across, not group.labels_differ, -group.similarity)
        )
        return groups, counts

    def _differ(self, group: Indices) -> bool:
        return bool(np.ptp(self.labels[group]))

    def _counts(self, groups: Sequence[Indices]) -> GroupCounts:
        leaked = [
            int(np.count_nonzero(self.part_of[group]))
            for group in groups
            if not self.part_of[group].all()
        ]
        return GroupCounts(
            groups=len(groups),
            samples=sum(map(len, groups)),
            leaked=sum(leaked),
            labels_differ=sum(map(self._differ, groups)),
        )

    def _labels(self) -> tuple[PartLabels, ...]:
        train, *others = self.parts
        judged = label_errors.can_judge(train.labels, len(train.class_names))
        if judged.sum() < 2:
            self.skipped.append("labels")
            return ()
        matrices = label_errors.out_of_sample(
            train,
            self.first[: len(train)],
            others,
            self.config,
            lambda done: self.progress("labels", done),
        )
        return tuple(
            self._part_labels(number, label_errors.judge(P, part.labels, judged))
            for number, (part, P) in enumerate(zip(self.parts, matrices, strict=True))
        )

    def _part_labels(self, number: int, found: label_errors.Judgement) -> PartLabels:
        part = self.parts[number]
        return PartLabels(
            part=part.part,
            contradictions=int(found.is_counted.sum()),
            thresholds={
                name: round(float(threshold), 4)
                for name, threshold in zip(part.class_names, found.thresholds, strict=True)
                if threshold == threshold  # noqa: PLR0124 (NaN: no sample of this class)
            },
            suspects=tuple(
                Suspect(
                    sample=self._sample(self.starts[number] + position),
                    self_confidence=float(found.self_confidence[position]),
                    suggested=part.class_names[found.suggested[position]],
                    confidence=float(found.confidence[position]),
                    is_counted=bool(found.is_counted[position]),
                )
                for position in found.order[:MOST]
            ),
        )

    def _drift(self) -> tuple[Drift, ...]:
        train, *others = self.parts
        found = []
        for number, other in enumerate(others):
            if min(len(train), len(other)) < drift.FEWEST:
                self.skipped.append("drift")
                continue
            apart = drift.separation(
                train,
                other,
                self.config,
                lambda done, number=number: self.progress(  # type: ignore[misc]
                    "drift", (number + done) / len(others)
                ),
            )
            found.append(
                Drift(
                    part=other.part,
                    samples=apart.samples,
                    auc=apart.auc,
                    auc_deviation=apart.deviation,
                    auc_p=apart.p,
                    classes_p=drift.classes_p(train, other),
                )
            )
        return tuple(found)


def _facts(part: Dataset, constant: int) -> PartFacts:
    counts = part.counts()
    return PartFacts(
        part=part.part,
        images=len(part),
        counts=dict(zip(part.class_names, counts, strict=True)),
        balance=min(counts) / max(counts),
        constant=constant,
    )
