"""Starts the real Bento and replays golden images against it."""
