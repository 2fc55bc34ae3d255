"""Readers of a user's own data: one module for each format, each from a path to `Parts`."""
