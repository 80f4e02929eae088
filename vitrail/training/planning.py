"""What a training will take, from the sizes of its data and its configuration.

FLOPs of the forward pass are counted on the meta device by `torch.utils.flop_counter` (two per multiply-add):
nothing is computed or allocated. The backward pass is taken as twice that, since torch 2.14.1 counts that of
grouped convolutions as if they had no groups (ResNeXt-101 32x8d: 6.6 forward passes a step instead of 3).
"""

import dataclasses
from pathlib import Path

import pyarrow.compute as pc
import torch
from torch.utils.flop_counter import FlopCounterMode

from vitrail.contracts.codec import read
from vitrail.contracts.labels import SIDECAR_SCHEMA, LabelSetManifest, sidecar_file
from vitrail.contracts.models import HeadSpec
from vitrail.corpus.corpus import open_corpus
from vitrail.corpus.store.tables import read_table
from vitrail.errors import TrainingError
from vitrail.models import VitrailModel
from vitrail.tasks import EMBEDDING
from vitrail.training.config import ComputeConfig, FinetuneConfig, OptimizerConfig, PretrainConfig
from vitrail.training.plan import HARDWARE, CorpusNumbers, Hardware, Plan

__all__ = ["flops_per_image", "likely_hardware", "measure_corpus", "plan_training"]

_WRAPPING_BYTES = 1_900  # what torch.distributed.checkpoint puts around each tensor (measured, torch 2.14.1)
_FLOAT_BYTES = 4  # weights, optimizer and moving average are float32 under every precision


def measure_corpus(corpus: Path, labels: Path | None, assumed: CorpusNumbers) -> CorpusNumbers:
    """Sizes of a corpus and its label set; before there is one, its numbers are those of `assumed`."""
    opened = open_corpus(corpus)
    num_images = num_bytes = 0
    for index, splits in opened.indexed_splits("size"):
        sizes = index["size"].filter(pc.equal(splits["split"], "train"))
        num_images += len(sizes)
        num_bytes += pc.sum(sizes).as_py() or 0
    classes = sum(len(pc.unique(opened.task_labels(task.name)["label"])) for task in opened.manifest.tasks)
    measured = dataclasses.replace(
        assumed, num_images=num_images, bytes_per_image=num_bytes / num_images, num_classes=classes
    )
    return _measure_labels(labels, measured) if labels else measured


def _measure_labels(labels: Path, numbers: CorpusNumbers) -> CorpusNumbers:
    manifest = read(LabelSetManifest, labels)
    num_values = num_labelled = 0
    for shard in manifest.shards:
        sidecar = read_table(labels / sidecar_file(shard), SIDECAR_SCHEMA, "derive the labels again")
        lengths = pc.list_value_length(sidecar["label_ids"])
        num_values += pc.sum(lengths).as_py() or 0
        num_labelled += pc.sum(pc.greater(lengths, 0)).as_py() or 0
    return dataclasses.replace(
        numbers, num_labels=manifest.num_labels, labels_per_image=num_values / max(num_labelled, 1)
    )


def likely_hardware(compute: ComputeConfig) -> Hardware:
    """What a plan assumes when nobody says: an A100 for a training that asks for CUDA, a CPU core otherwise."""
    return HARDWARE["a100" if compute.device == "cuda" else "cpu"]


def plan_training(config: PretrainConfig | FinetuneConfig, numbers: CorpusNumbers, hardware: Hardware) -> Plan:
    """Predicts what a training takes.

    Raises:
        TrainingError: A fine-tuning without an architecture: that of its backbone is not known here.
    """
    model, num_proxies = _meta_model(config, numbers)
    flops = flops_per_image(model, num_passes=4 if config.compute.activation_checkpointing else 3)
    served = sum(parameter.numel() for parameter in model.parameters())
    trained = served + num_proxies
    buffers = sum(value.numel() for value in model.state_dict().values()) - served
    checkpoint_bytes = _FLOAT_BYTES * (trained * (1 + _num_states(config.optimizer)) + buffers)
    checkpoint_bytes += _WRAPPING_BYTES * _num_tensors(model, config.optimizer)
    schedule = config.schedule
    seen = schedule.num_steps * schedule.batch_size
    num_devices = config.launch.world_size
    rate = num_devices * hardware.peak_flops * hardware.utilisation / flops
    hours = seen / rate / 3600
    return Plan(
        num_steps=schedule.num_steps,
        num_images_seen=seen,
        epochs=seen / numbers.num_images,
        flops_per_image=flops,
        total_flops=float(flops) * seen,
        num_parameters=trained,
        bytes_read=seen * numbers.bytes_per_image,
        bytes_read_per_s=rate * numbers.bytes_per_image,
        label_rows=seen,
        label_values=seen * numbers.labels_per_image,
        checkpoint_bytes=checkpoint_bytes,
        checkpoint_folder_bytes=checkpoint_bytes * (config.checkpoint.keep + 1),
        model_bytes=_FLOAT_BYTES * (served + buffers),
        num_devices=num_devices,
        images_per_s=rate,
        hours=hours,
        device_hours=hours * num_devices,
    )


def _meta_model(config: PretrainConfig | FinetuneConfig, numbers: CorpusNumbers) -> tuple[VitrailModel, int]:
    if config.architecture is None or config.transforms is None:
        raise TrainingError("a plan of a fine-tuning needs `architecture` and `transforms`, those of its backbone")
    heads = [HeadSpec(name="annotations", kind="multilabel", dim=numbers.num_labels)]
    num_proxies = 0
    if isinstance(config, FinetuneConfig):
        heads.append(HeadSpec(name=EMBEDDING, kind="retrieval", dim=config.embedding_dim))
        num_proxies = numbers.num_classes * config.embedding_dim
    with torch.device("meta"):
        return VitrailModel(config.architecture, config.transforms, heads), num_proxies


def flops_per_image(model: VitrailModel, num_passes: int) -> int:
    """Of a model on `meta`: 3 passes in a training step, 4 where activations are computed again."""
    size = model.transforms.image_size
    images = torch.zeros(1, 3, size, size, dtype=torch.uint8, device="meta")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model.eval()(images)
    return num_passes * counter.get_total_flops()


def _num_tensors(model: VitrailModel, optimizer: OptimizerConfig) -> int:
    counters = optimizer.name == "adamw"  # a step for each parameter
    states = _num_states(optimizer) + counters
    return len(model.state_dict()) + states * sum(1 for _ in model.parameters())


def _num_states(optimizer: OptimizerConfig) -> int:
    moments = 2 if optimizer.name == "adamw" else 1
    return moments + (optimizer.ema_decay is not None)
