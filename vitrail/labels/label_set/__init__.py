"""Label sets: the tables that are handed on, their stable ids, and what changed between two."""
