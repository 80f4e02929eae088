"""The endpoint: a BentoML service, its web page, and how it is built and started."""
