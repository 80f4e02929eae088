"""What is asked of a Kubeflow Pipelines server: start a run, wait for its end, list runs, read logs."""
