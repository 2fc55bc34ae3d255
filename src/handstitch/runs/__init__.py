"""Training runs: one folder for each run, locked by one process at a time."""

from handstitch.runs.folder import load
from handstitch.runs.origin import Origin
from handstitch.runs.run import SAVE_EVERY, Run
from handstitch.runs.start import create, reopen, resume, train

__all__ = ["SAVE_EVERY", "Origin", "Run", "create", "load", "reopen", "resume", "train"]
