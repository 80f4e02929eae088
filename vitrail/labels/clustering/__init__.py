"""Clustering: which terms become one label."""
