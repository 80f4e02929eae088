"""Builders: from what a user has to a corpus."""
