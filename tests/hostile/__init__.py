"""Received folders: each file of a run and a search made hostile, and read by each verb.

`make hostile` runs all of it; the suite a part.
"""
