"""One module a loss, named like the loss; each defines `LOSS`. Nothing else lies here.

Every loss is a sum over the images of a batch, so that a caller can divide by the count of labelled images of the
whole global batch, whatever its split over processes and micro-batches. What an image has no label for costs nothing.

Shapes: B batch, C classes or labels, K padded labels per image, D embedding width, N candidates.
"""
