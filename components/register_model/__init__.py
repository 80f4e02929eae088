"""Registers the model as a version with the alias `challenger`."""
