"""Decides whether the model may take the champion's place."""
