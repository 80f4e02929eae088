"""Texts: normalised, split into tokens, their language, and the phrases found in them."""
