"""One folder a step: the adapter between Kubeflow Pipelines and the library."""
