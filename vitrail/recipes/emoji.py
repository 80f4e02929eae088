"""The default: drawings of some 4,000 concepts in two styles, with names in a dozen languages.

Command: `make run`. Two CPU cores, about four minutes of training. The trunk is LeViT-128S, a Vision Transformer
with a convolutional stem: at equal cost it retrieved better on the validation split than plain ViTs of this size
(docs/LOG.md).
"""

from vitrail.contracts.models import Architecture, Transforms
from vitrail.corpus.pixels.augment import LIGHT
from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold
from vitrail.recipes.recipe import Recipe
from vitrail.training import FinetuneConfig, OptimizerConfig, PretrainConfig, ScheduleConfig

__all__ = ["emoji"]


def emoji() -> Recipe:
    """Emoji in two styles: skin tone, category, and retrieval across styles."""
    return Recipe(
        name="emoji",
        pretrain=PretrainConfig(
            architecture=Architecture(name="levit_128s"),
            transforms=Transforms(image_size=64),
            schedule=ScheduleConfig(num_steps=350, batch_size=128, warmup_steps=35),
            optimizer=OptimizerConfig(learning_rate=2e-3, weight_decay=0.05),
            augmentation=LIGHT,
        ),
        finetune=FinetuneConfig(
            schedule=ScheduleConfig(num_steps=450, batch_size=128, warmup_steps=45),
            optimizer=OptimizerConfig(learning_rate=1e-3, weight_decay=0.05),
            augmentation=LIGHT,
            embedding_dim=256,
            frozen_steps=20,
        ),
        gates=GateConfig(
            values=(
                ValueThreshold(metric="concept/float/p_at_1", limit=0.05),
                ValueThreshold(metric="concept/binary_ratio", limit=0.85),
                ValueThreshold(metric="skin_tone/recall_gap", limit=0.6, direction="max"),
                ValueThreshold(metric="skin_tone/macro_recall", limit=0.5),
                ValueThreshold(metric="category/lift", limit=1.0),
            ),
            changes=(
                ChangeThreshold(metric="concept/float/p_at_1", margin=0.02),
                ChangeThreshold(metric="skin_tone/macro_recall", margin=0.05),
                ChangeThreshold(metric="category/accuracy", margin=0.03),
            ),
        ),
    )
