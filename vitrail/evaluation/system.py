"""What a model costs: parameters, floating point operations, rate and bytes. Reported, never gated."""

from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from vitrail.contracts.evaluation import SystemNumbers
from vitrail.models import VitrailModel, load_model

__all__ = ["count_flops", "measure_system"]


def measure_system(model: Path, *, num_images: int, seconds: float, batch_size: int, device: str) -> SystemNumbers:
    """The numbers of a model folder, with the rate that inference on `num_images` reached in `seconds`."""
    network, _ = load_model(model)
    retrieval = network.retrieval_spec
    return SystemNumbers(
        num_parameters=sum(parameter.numel() for parameter in network.parameters()),
        flops_per_image=count_flops(network),
        images_per_s=num_images / max(seconds, 1e-9),
        batch_size=batch_size,
        num_threads=torch.get_num_threads(),
        device=device,
        embedding_bytes_float=4 * retrieval.dim if retrieval else None,
        embedding_bytes_binary=retrieval.dim // 8 if retrieval else None,
    )


def count_flops(model: VitrailModel) -> int:
    """Floating point operations for one image.

    The counter does not know the fused attention of CPUs, so attention runs in its plain form here.
    """
    size = model.transforms.image_size
    image = torch.zeros((1, 3, size, size), dtype=torch.uint8)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(image)
    return int(counter.get_total_flops())
