"""The exception tree. A message says what was wrong, where, and what to do about it."""

__all__ = [
    "ClusterError",
    "ConfigError",
    "CorpusError",
    "DataValidationError",
    "EvaluationError",
    "GateError",
    "LabelError",
    "ModelError",
    "RegistryError",
    "RunError",
    "ServingError",
    "StudyError",
    "TrainingError",
    "VitrailError",
]


class VitrailError(Exception):
    """Anything that went wrong for a reason a user can act on."""


class ConfigError(VitrailError, ValueError):
    """A recipe, a field of one, or a command-line value is not usable."""


class ClusterError(VitrailError):
    """A Kubeflow Pipelines server cannot be reached, refuses, or does not answer as its API says."""


class CorpusError(VitrailError):
    """A corpus, a shard, a signal file or a task file is not what its contract says."""


class LabelError(VitrailError):
    """Labels cannot be derived, or a label set does not belong to the corpus it is used with."""


class DataValidationError(VitrailError):
    """A critical expectation on data failed; the run stops before training."""


class ModelError(VitrailError):
    """A model cannot be built or loaded, or its files do not belong together."""


class TrainingError(VitrailError):
    """Training cannot start or go on (not-finite loss, wrong checkpoint, lost worker)."""


class EvaluationError(VitrailError):
    """An evaluation has nothing to measure or its parts do not belong together."""


class GateError(VitrailError):
    """A verdict is missing, or not what its contract says."""


class RegistryError(VitrailError):
    """The model registry refuses, cannot be reached or does not hold what was asked for."""


class RunError(VitrailError):
    """A run's folder, the record of a step or what it hands on is not what its contract says."""


class ServingError(VitrailError):
    """An endpoint cannot be built, does not start, or does not answer as the trainer does."""


class StudyError(VitrailError):
    """A study cannot be made, or what is left of one is not what its contract says."""
