"""Versions of corpora: names, folders and git revisions, with DVC behind a thin interface."""
