"""Hyper-parameter search: trials as pure functions of a configuration, on any executor.

    plan = search.make(config, {"learning_rate": [0.05, 0.1]}, seeds=3)
    found = search.run(plan, "runs/grid", search.executors.processes(2))
    for trial in found.trials:
        print(trial.parameters, trial.seed, trial.history[-1].val_accuracy)

space           search space: lists of values and ranges
plan            candidates and trials of a search, from their numbers
trial           one training run, on whatever machine
executors       worker pools: threads, processes, Dask, MPI
run             a search from start to end, or resumed: its scheduler
tpe_and_pruning proposals of the tree-structured Parzen estimator; early stopping of trials
folder          the search's folder: the record of its trials
study           Optuna study for optuna-dashboard, an observer, in a SQLite file or PostgreSQL
statistics      confidence intervals, multiple comparison with the best, parameter importance
ranking         candidates in order, with those indistinguishable from the best
summary         the ranking in sentences, and as CSV
winner          the best candidate, a run with its settings, and the link back to the search
"""

from handstitch.search import executors
from handstitch.search.folder import Search, is_search, load
from handstitch.search.plan import SearchPlan, make, more
from handstitch.search.ranking import Candidate, Ranking, rank
from handstitch.search.run import StopFlag, run
from handstitch.search.space import Range
from handstitch.search.winner import search_of, start_winner, winner

__all__ = [
    "Candidate",
    "Range",
    "Ranking",
    "Search",
    "SearchPlan",
    "StopFlag",
    "executors",
    "is_search",
    "load",
    "make",
    "more",
    "rank",
    "run",
    "search_of",
    "start_winner",
    "winner",
]
