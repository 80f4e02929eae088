"""Writes the run's summary and its one-page report, also after a failure."""
