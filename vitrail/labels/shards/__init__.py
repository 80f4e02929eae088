"""Shards: the batch functions that Daft runs over signals and shards, and what they spill."""
