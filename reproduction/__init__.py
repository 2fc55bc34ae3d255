"""The course report's experiment, run again with several seeds, and its observations as claims.

    make reproduce                          everything: a quarter of an hour on two cores
    make reproduce ARGS="--seeds 10"        another number of seeds for each candidate
    python -m reproduction --help           all flags, from the top of the repository

What was trained is kept, and the same command goes on where it was stopped.

published     the report's own figures
experiments   what is trained
grid          its curves as arrays
verdicts      rules: holds, does not hold, inconclusive
claims        a claim, and what was found of it
observations  what the report says of its nine runs
repeated      what it says of the run that it repeated
questions     the work that it leaves
findings      all of them together
page          the same as a page
pictures      what is drawn on it
"""
