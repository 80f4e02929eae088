"""Reporting: one self-contained page for a run, whatever became of it."""

from vitrail.reporting.page import publish_report

__all__ = ["publish_report"]
