"""Runs that are killed at random instants, gone on with, and compared byte for byte."""
