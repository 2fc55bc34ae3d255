"""Examination of a data set: duplicates, likely label errors, constant samples, balance, drift.

    findings = doctor.examine(sources.resolve("photos"))
    findings.labels[0].suspects[:10]

duplicates    samples that occur more than once, or nearly, within a part and across parts
label_errors  labels that networks trained on the other samples contradict
drift         parts that a network can tell apart
findings      what was found, ready for JSON
examination   all of it, one after the other

A finding is a question to somebody who looks at the sample; nothing is changed.
"""

from handstitch.doctor.examination import Progress, Stage, examine, parts_of
from handstitch.doctor.findings import Findings, Group, Sample, Skipped, Suspect

__all__ = [
    "Findings",
    "Group",
    "Progress",
    "Sample",
    "Skipped",
    "Stage",
    "Suspect",
    "examine",
    "parts_of",
]
