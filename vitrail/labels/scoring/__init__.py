"""Scoring: how probable it is that a term describes its picture, and what that makes of an image."""
