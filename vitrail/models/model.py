"""One trunk, many heads."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.errors import ModelError
from vitrail.models.trunk import create_trunk, trunk_width
from vitrail.tasks import find_kind

__all__ = ["VitrailModel"]


class VitrailModel(nn.Module):
    """A timm trunk with heads; takes uint8 images and normalises them itself.

    Attributes:
        architecture: What the trunk is.
        transforms: What images must have gone through before they come here.
        specs: The heads, in order.
        trunk: Maps normalised images [B, 3, S, S] to features [B, W].
        heads: By name; they give logits [B, C], or unit vectors [B, D] where their kind embeds.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, architecture: Architecture, transforms: Transforms, specs: Sequence[HeadSpec] = ()) -> None:
        super().__init__()
        names = [spec.name for spec in specs]
        if len(set(names)) < len(names):
            raise ModelError(f"two heads have one name: {sorted(names)}")
        for spec in specs:
            find_kind(spec.kind).check_head(spec)
        if sum(find_kind(spec.kind).output == "embedding" for spec in specs) > 1:
            raise ModelError("a model has one retrieval embedding for all retrieval tasks")
        self.architecture = architecture
        self.transforms = transforms
        self.specs = tuple(specs)
        self.trunk = create_trunk(architecture, transforms)
        self.width = trunk_width(self.trunk, transforms.image_size)
        self.heads = nn.ModuleDict({spec.name: find_kind(spec.kind).create_head(spec, self.width) for spec in specs})
        shape = (1, 3, 1, 1)  # in units of uint8, so that one multiply-add normalises
        self.register_buffer("mean", 255 * torch.tensor(transforms.mean).view(shape), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(transforms.std).view(shape), persistent=False)

    def features(self, images: Tensor) -> Tensor:
        """Pooled features [B, W] of uint8 images [B, 3, S, S]."""
        dtype = next(self.trunk.parameters()).dtype
        pooled: Tensor = self.trunk(((images - self.mean) / self.std).to(dtype))
        return pooled

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Output of every head for uint8 images [B, 3, S, S]."""
        pooled_bw = self.features(images)
        return {name: head(pooled_bw) for name, head in self.heads.items()}

    @property
    def retrieval_spec(self) -> HeadSpec | None:
        """The head that embeds, if the model has one."""
        return next((spec for spec in self.specs if find_kind(spec.kind).output == "embedding"), None)
