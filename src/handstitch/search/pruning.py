"""Optuna's pruners on the trials that this process holds: their study is in memory.

successive halving   K. Jamieson, A. Talwalkar, AISTATS 2016; asynchronous: L. Li et al.,
                     arXiv:1810.05934
median               worse at its best than the median of the others after as many epochs
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
    """Looks at each trial after 1, 2, 4, … epochs and ends it if the others did better by then."""

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
        for trial in finished:  # as they were looked at while they ran
            for epochs in range(1, len(trial.history) + (trial.state != "complete")):
                self.prunes(msgspec.structs.replace(trial, history=trial.history[:epochs]))
            self.finish(trial)

    def prunes(self, trial: Trial) -> bool:
        """Whether to end this trial, as far as it has come."""
        found = self._storage.get_trial(self._noted(trial))
        return self._study.pruner.prune(self._study, found)

    def finish(self, trial: Trial) -> None:
        """Note a trial that is over: `median` compares with those that were completed."""
        identity = self._noted(trial)
        if trial.state == "complete":
            self._storage.set_trial_state_values(identity, TrialState.COMPLETE)

    def _noted(self, trial: Trial) -> int:
        """Note a trial's epochs; its identity in the storage."""
        if trial.number not in self._trials:
            self._trials[trial.number] = self._storage.create_new_trial(self._id)
        identity = self._trials[trial.number]
        for record in trial.history:
            self._storage.set_trial_intermediate_value(identity, record.epoch, record.val_accuracy)
        return identity
