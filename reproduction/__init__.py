"""Reproduction of the course report: its experiment with several seeds, its observations tested.

    make reproduce                          everything: a quarter of an hour on two cores
    make reproduce ARGS="--seeds 10"        another number of seeds for each candidate
    python -m reproduction --help           all flags, from the top of the repository

Finished trials are kept, and the same command resumes a reproduction that was stopped.

published     the course report's own figures
experiments   the searches and runs that are trained
grid          their curves as arrays
verdicts      decision rules: holds, does not hold, inconclusive
claims        a claim, and the effect measured here
observations  claims of the course report about its nine runs
repeated      its claims about the run that it repeated
questions     its future work
judgement     the verdicts on all claims
page          the judgement as a Markdown page
pictures      figures of the page
"""
