"""The course report's experiment, run again with several seeds, and its observations as claims.

    stages = reproduce.run(setup)          trains what is missing
    findings = reproduce.findings(stages)  every claim with effect, interval and verdict

published    the report's own figures
experiments  what is trained
grid         trials by rate, decay and seed
verdicts     holds, does not hold, cannot be told
claims       what it says of its nine runs
repeated     what it says of the run that it repeated
questions    the work that it leaves
findings     all of them together
page         the same as a page
"""

from handstitch.reproduce.experiments import Setup, Stages, run
from handstitch.reproduce.findings import Finding, Findings
from handstitch.reproduce.findings import of as findings
from handstitch.reproduce.verdicts import Claim, Verdict

__all__ = ["Claim", "Finding", "Findings", "Setup", "Stages", "Verdict", "findings", "run"]
