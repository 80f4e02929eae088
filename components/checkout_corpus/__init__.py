"""Resolves a corpus name, a folder or a DVC revision to a corpus with a content digest."""
