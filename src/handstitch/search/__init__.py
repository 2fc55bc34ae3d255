"""Hyper-parameter search: trials as pure functions of a configuration, on any executor.

    plan = search.make(config, {"learning_rate": [0.05, 0.1]}, seeds=3)
    found = search.run(plan, "runs/grid", search.executors.processes(2))
    for trial in found.trials:
        print(trial.parameters, trial.seed, trial.history[-1].val_accuracy)

space       search space: lists of values and ranges
plan        candidates and trials of a search, from their numbers
tpe         proposals of the tree-structured Parzen estimator
trial       one training run, on whatever machine
executors   worker pools: threads, processes, Dask, MPI
scheduler   distribution of trials, and collection of their results
pruning     early stopping of trials: successive halving, median rule
run         a search from start to end, or resumed
folder      the search's folder: the record of its trials
study       Optuna study for optuna-dashboard, an observer
database    the study's database: SQLite file or PostgreSQL
statistics  confidence intervals, multiple comparison with the best
ranking     candidates in order, with those indistinguishable from the best
importance  share of the variance explained by each parameter
summary     the ranking in sentences
table       the ranking as CSV
winner      the best candidate, and the link from its run back to the search
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
    "Candidate",
    "Range",
    "Ranking",
    "Search",
    "SearchPlan",
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
