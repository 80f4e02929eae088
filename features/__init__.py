"""The Feast repository: declarations only. Feast itself does not read this file."""
