"""Training runs: each in a folder of its own, which one process at a time may work in."""

from handstitch.runs.run import SAVE_EVERY, Run, begin, load, resume

__all__ = ["SAVE_EVERY", "Run", "begin", "load", "resume"]
