"""Measures the model, and the champion if there is one, on the test split."""
