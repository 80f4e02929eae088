"""Moves the alias `champion`."""
