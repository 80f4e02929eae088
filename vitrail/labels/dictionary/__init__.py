"""Dictionaries: which phrases of the texts are terms, and why the others are not."""
