"""One fuzz target per parser: driven by atheris at length, by a seeded mutator in tests."""
