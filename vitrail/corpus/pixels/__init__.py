"""Pixels: decoding within limits, preparing for the model, augmenting."""
