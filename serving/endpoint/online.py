"""Text features of catalogue images from the Feast online store of the bundle, read-only."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["OnlineFeatures"]

_SERVICE = "text_features"
_CACHED_IMAGES = 100_000


class OnlineFeatures:
    """The latest text features of images.

    A bundle never changes, so what was read once is kept. Feast takes seconds to import: this object is made
    on a thread while the model loads.
    """

    def __init__(self, snapshot: Path) -> None:
        from feast import FeatureStore

        self._store = FeatureStore(repo_path=str(snapshot.resolve()))
        self._service = self._store.get_feature_service(_SERVICE)
        self._lock = threading.Lock()
        self._cache: dict[str, dict[str, Any] | None] = {}

    def read(self, image_ids: Sequence[str]) -> list[dict[str, Any] | None]:
        """The features of each image by name; None for an image without text."""
        with self._lock:
            missing = [image_id for image_id in dict.fromkeys(image_ids) if image_id not in self._cache]
            if missing:
                if len(self._cache) + len(missing) > _CACHED_IMAGES:
                    self._cache.clear()
                self._cache.update(zip(missing, self._fetch(missing), strict=True))
            return [self._cache[image_id] for image_id in image_ids]

    def _fetch(self, image_ids: Sequence[str]) -> list[dict[str, Any] | None]:
        rows = [{"image_id": image_id} for image_id in image_ids]
        columns = self._store.get_online_features(features=self._service, entity_rows=rows).to_dict()
        columns.pop("image_id")
        read = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return [row if row["num_signals"] is not None else None for row in read]
