"""What a model costs: parameters, floating point operations, rate, latency and bytes."""

import statistics
import time
from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from vitrail.contracts.evaluation import SystemNumbers
from vitrail.evaluation.devices import given_devices
from vitrail.models import Predictor, VitrailModel, load_model

__all__ = ["count_flops", "measure_latency", "measure_system"]

_NUM_WARM_UPS = 3
_NUM_ANSWERS = 15


def measure_system(model: Path, *, num_images: int, seconds: float, batch_size: int, device: str) -> SystemNumbers:
    """The numbers of a model folder, with the rate that inference on `num_images` reached in `seconds`."""
    network, _ = load_model(model)
    retrieval = network.retrieval_spec
    return SystemNumbers(
        num_parameters=sum(parameter.numel() for parameter in network.parameters()),
        flops_per_image=count_flops(network),
        images_per_s=num_images / max(seconds, 1e-9),
        latency_ms=measure_latency(Predictor(model, given_devices(device)[0])),
        batch_size=batch_size,
        num_threads=torch.get_num_threads(),
        device=device,
        embedding_bytes_float=4 * retrieval.dim if retrieval else None,
        embedding_bytes_binary=retrieval.dim // 8 if retrieval else None,
    )


def measure_latency(predictor: Predictor) -> float:
    """Milliseconds that an answer for one image takes, the median of 15, so that a moment of other work is not seen."""
    size = predictor.manifest.transforms.image_size
    image = torch.zeros((1, 3, size, size), dtype=torch.uint8)
    seconds = []
    for _ in range(_NUM_WARM_UPS + _NUM_ANSWERS):
        started = time.perf_counter()
        predictor.predict(image)
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds[_NUM_WARM_UPS:])


def count_flops(model: VitrailModel) -> int:
    """Floating point operations for one image.

    The counter does not know the fused attention of CPUs, so attention runs in its plain form here.
    """
    size = model.transforms.image_size
    image = torch.zeros((1, 3, size, size), dtype=torch.uint8)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(image)
    return int(counter.get_total_flops())
