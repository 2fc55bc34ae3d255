"""Hyper-parameter search: trials as pure functions of a configuration, on any executor.

    spec = search.make(config, {"learning_rate": [0.05, 0.1]}, seeds=3)
    found = search.run(spec, "runs/grid", search.executors.processes(2))
    for trial in found.trials:
        print(trial.parameters, trial.seed, trial.history[-1].val_accuracy)

space       lists and ranges of values; a setting from its number
spec        which trials a search has
trials      one of them, wherever it runs
executors   who trains
running     a search from its beginning, or from where it stopped
dispatch    who hands out trials and keeps what comes back
folder      where it is kept: the record
study       Optuna's study of it, a live observer
database    where that study is kept
pruning     which trials are ended early
proposals   what TPE asks for next
winners     from a search to a run of its winner, and back
ranking     what its trials tell: which setting is best, and which cannot be told from it
"""

from handstitch.search import executors
from handstitch.search.folder import Search, is_search, load
from handstitch.search.plan import SearchPlan, make
from handstitch.search.ranking import Candidate, Ranking, rank
from handstitch.search.run import run
from handstitch.search.scheduler import StopFlag
from handstitch.search.space import Range
from handstitch.search.winner import Winner, search_of, winner

__all__ = [
    "Range",
    "Ranking",
    "Search",
    "SearchPlan",
    "Candidate",
    "StopFlag",
    "Winner",
    "executors",
    "is_search",
    "load",
    "make",
    "rank",
    "run",
    "search_of",
    "winner",
]
