"""Publishes text-derived features offline and online."""
