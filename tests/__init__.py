"""The tests, in the order of the package: `tests/core` for `core`, and so on."""
