"""Pruning: Optuna's pruners, on a study in memory.

successive halving   K. Jamieson, A. Talwalkar, AISTATS 2016; asynchronous: L. Li et al.,
                     arXiv:1810.05934
median               best accuracy below the median of the others after as many epochs
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import optuna
from optuna.pruners import MedianPruner, SuccessiveHalvingPruner
from optuna.trial import TrialState

from handstitch.records import Trial
from handstitch.search.plan import Pruning


class Pruner:
    """Decides after 1, 2, 4, … epochs of a trial whether it is pruned, from the other trials."""

    def __init__(self, pruning: Pruning, finished: Iterable[Trial]) -> None:
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(
            storage=self._storage,
            direction="maximize",
            pruner=SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
            if pruning == "halving"
            else MedianPruner(n_startup_trials=4, n_warmup_steps=1),
        )
        self._id = self._storage.get_study_id_from_name(self._study.study_name)
        self._trials: dict[int, int] = {}
        for trial in finished:  # with the decisions made while they ran
            for epochs in range(1, len(trial.history) + (trial.state != "complete")):
                self.prunes(msgspec.structs.replace(trial, history=trial.history[:epochs]))
            self.finish(trial)

    def prunes(self, trial: Trial) -> bool:
        """Whether the trial is to be pruned now."""
        found = self._storage.get_trial(self._record(trial))
        return self._study.pruner.prune(self._study, found)

    def finish(self, trial: Trial) -> None:
        """Record a finished trial: `median` compares with the complete ones."""
        identity = self._record(trial)
        if trial.state == "complete":
            self._storage.set_trial_state_values(identity, TrialState.COMPLETE)

    def _record(self, trial: Trial) -> int:
        """Record the epochs of a trial; return its identifier in the storage."""
        if trial.number not in self._trials:
            self._trials[trial.number] = self._storage.create_new_trial(self._id)
        identity = self._trials[trial.number]
        for record in trial.history:
            self._storage.set_trial_intermediate_value(identity, record.epoch, record.val_accuracy)
        return identity
