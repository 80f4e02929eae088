"""Derives weak labels for the corpus's images from the text around them."""
