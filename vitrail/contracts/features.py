"""The feature snapshot: text-derived features, offline and online, and training sets as of the labels' time.

feature_store.yaml            the configuration of features/; its paths are relative to the snapshot
registry.db                   the declarations of features/, applied
online_store.db               the latest features of every image and label (sqlite)
data/*.parquet                offline features
training_sets/<task>.parquet  image_id, label, observed_at and the text features as of observed_at
"""

__all__ = ["IMAGE_FEATURES_FILE", "TRAINING_SETS_FOLDER", "training_set_file"]

IMAGE_FEATURES_FILE = "data/image_features.parquet"
TRAINING_SETS_FOLDER = "training_sets"


def training_set_file(task: str) -> str:
    """Where the labels of a task with the features of their time lie in a snapshot."""
    return f"{TRAINING_SETS_FOLDER}/{task}.parquet"
