"""Reads files of torch.distributed.checkpoint without letting them run code.

DCP (2.11 to 2.14) pickles the list of a checkpoint's tensors. Only the classes of such a list are loaded here; the
tensors themselves are read by DCP with `weights_only=True`.
"""

import enum
import pickle
from typing import Any

import torch
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import _MEM_FORMAT_ENCODING, Metadata, StorageMeta

__all__ = ["TensorListReader"]

_DCP = "torch.distributed.checkpoint"
_LISTED = {
    f"{_DCP}.filesystem": {"_StorageInfo"},
    f"{_DCP}.metadata": {
        "ChunkStorageMetadata",
        "Metadata",
        "MetadataIndex",
        "StorageMeta",
        "TensorProperties",
        "TensorStorageMetadata",
        "_MEM_FORMAT_ENCODING",
    },
    "pathlib": {"PosixPath"},
    "torch": {"Size"},
    "torch.serialization": {"_get_layout"},
}
_MOVED = {"pathlib._local": "pathlib"}  # where Python 3.13 has its paths


class _TensorListUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("builtins", "getattr"):
            return _pick_member
        module = _MOVED.get(module, module)
        is_dtype = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        if is_dtype or name in _LISTED.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in the list of a checkpoint's tensors")


def _pick_member(owner: Any, name: str) -> enum.Enum:
    """What Python before 3.11.4 pickles a member of an enumeration as."""
    if owner is _MEM_FORMAT_ENCODING and name in owner.__members__:
        return _MEM_FORMAT_ENCODING[name]
    raise pickle.UnpicklingError(f"{owner!r}.{name} has no place in the list of a checkpoint's tensors")


class TensorListReader(FileSystemReader):
    """Reads a checkpoint that holds nothing but tensors.

    Raises:
        pickle.UnpicklingError: Its `.metadata` names anything else.
    """

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """The list of tensors."""
        with self.fs.create_stream(self._get_metadata_path(kwargs.get("rank")), "rb") as stream:
            metadata = _TensorListUnpickler(stream).load()
        if metadata.storage_meta is None:
            metadata.storage_meta = StorageMeta()
        metadata.storage_meta.load_id = self.load_id
        return metadata
