"""Corpora: shards of images as they lie, with their texts, splits and task labels."""
