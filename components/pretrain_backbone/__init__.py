"""Pretrains the trunk on the weak labels."""
