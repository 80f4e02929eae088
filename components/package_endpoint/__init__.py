"""Packs model, transforms, index and online features in one Bento."""
