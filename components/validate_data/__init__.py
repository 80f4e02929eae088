"""Checks signals, labels, joins and images; a failed critical expectation stops the run."""
