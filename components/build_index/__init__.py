"""Embeds the gallery and writes the index bound to the model."""
