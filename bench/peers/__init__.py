"""One script for each peer; see job.py."""
