"""The images of the validation split that a pretraining looks at, and what is known of them.

<work>/rows/<digest>.probe.json     ProbeSample; chosen at the first start, read by all processes and starts
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from vitrail.contracts.codec import load, save
from vitrail.contracts.corpus import TaskInfo
from vitrail.contracts.files import digest_json
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.reader.selection import shard_starts
from vitrail.corpus.reader.targets import SidecarTargets
from vitrail.tasks import find_kind
from vitrail.training.label_frequency import count_labels

__all__ = ["ProbeSample", "Question", "choose_sample", "is_answerable"]

_SPLIT = "val"


@dataclass(frozen=True, kw_only=True)
class Question:
    """Whether images that lie close together share a label.

    Attributes:
        name: Of the task, or of the weak labels.
        labels: Of each image, as numbers; none where it is unlabelled.
        weights: Of each label that there is, above 0.
        apart: What an image and its neighbour must differ in: a number for each image's domain, group or self.
    """

    name: str
    labels: tuple[tuple[int, ...], ...]
    weights: tuple[float, ...]
    apart: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ProbeSample:
    """N images, by their ascending rows in the corpus, and the questions about them."""

    rows: tuple[int, ...]
    questions: tuple[Question, ...]


class _Image(NamedTuple):
    row: int
    image_id: str
    group: str
    domain: str


def choose_sample(corpus: Corpus, labels: Path, num_images: int, folder: Path) -> ProbeSample:
    """Whole groups of the validation split by hash, so that neighbours stay together, up to a number of images.

    There is a question for each task of the corpus that some image can have answered right; without any, one about the
    weak labels. Reads the splits once and keeps the choice in `folder`.

    Args:
        corpus: Whose images.
        labels: Their label set.
        num_images: At most.
        folder: Of rows.
    """
    targets = SidecarTargets(labels)
    digest = digest_json([corpus.manifest.digest, targets.manifest.digest, num_images])[:16]
    path = folder / f"{digest}.probe.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        images = _choose_images(corpus, num_images)
        asked = [_ask_task(corpus, task, images) for task in corpus.manifest.tasks]
        questions = [question for question in asked if any(is_answerable(question))]
        questions = questions or [_ask_weak_labels(corpus, targets, labels, images)]
        save(path, ProbeSample(rows=tuple(image.row for image in images), questions=tuple(questions)))
    return load(ProbeSample, path)


def is_answerable(question: Question) -> list[bool]:
    """Which images have a label that an image apart from them has too."""
    pairs = [(label, apart) for own, apart in zip(question.labels, question.apart, strict=True) for label in own]
    everywhere, together = Counter(label for label, _ in pairs), Counter(pairs)
    return [
        any(everywhere[label] > together[label, apart] for label in own)
        for own, apart in zip(question.labels, question.apart, strict=True)
    ]


def _choose_images(corpus: Corpus, num_images: int) -> list[_Image]:
    """Memory: the chosen images and a shard."""
    chosen: dict[int, list[_Image]] = {}
    starts = shard_starts(shard.num_images for shard in corpus.manifest.shards)
    for start, (_, splits) in zip(starts.tolist(), corpus.indexed_splits("size"), strict=False):
        places = np.flatnonzero(pc.equal(splits["split"], _SPLIT).fill_null(False).to_numpy())
        inside = splits.take(pa.array(places))
        columns = [inside[name].to_pylist() for name in ("image_id", "group", "domain")]
        for place, image_id, group, domain in zip(places.tolist(), *columns, strict=True):
            image = _Image(start + place, image_id, image_id if group is None else group, domain or "")
            chosen.setdefault(xxhash.xxh3_64_intdigest(image.group.encode()), []).append(image)
        chosen = _first_groups(chosen, num_images)
    in_order = [image for group in chosen.values() for image in group]
    return sorted(in_order[:num_images])


def _first_groups(groups: dict[int, list[_Image]], num_images: int) -> dict[int, list[_Image]]:
    """Those with the lowest hashes that together have the images; no later shard can bring back another."""
    kept: dict[int, list[_Image]] = {}
    room = num_images
    for key in sorted(groups):
        if room <= 0:
            break
        kept[key] = groups[key][:num_images]
        room -= len(kept[key])
    return kept


def _ask_task(corpus: Corpus, task: TaskInfo, images: Sequence[_Image]) -> Question:
    """As evaluation does: neighbours in the embedding are of another domain where there are several."""
    table = corpus.task_labels(task.name)
    table = table.filter(pc.is_in(table["image_id"], pa.array([image.image_id for image in images], pa.string())))
    names: dict[str, set[str]] = {}
    for image_id, label in zip(table["image_id"].to_pylist(), table["label"].to_pylist(), strict=True):
        if label is not None:
            names.setdefault(image_id, set()).add(label)
    codes = {name: code for code, name in enumerate(sorted(set().union(*names.values())))}
    labelled = [image for image in images if image.image_id in names]
    domains = {image.domain for image in labelled}
    if find_kind(task.kind).output != "embedding":
        apart = _numbers([image.group for image in images])  # images of one group are no evidence for each other
    elif len(domains) > 1:
        apart = _numbers([image.domain for image in images])
    else:
        apart = tuple(range(len(images)))
    labels = tuple(tuple(sorted(codes[name] for name in names.get(image.image_id, ()))) for image in images)
    return Question(name=task.name, labels=labels, weights=(1.0,) * len(codes), apart=apart)


def _ask_weak_labels(corpus: Corpus, targets: SidecarTargets, labels: Path, images: Sequence[_Image]) -> Question:
    """A label counts the more the rarer it is."""
    starts = shard_starts(shard.num_images for shard in corpus.manifest.shards)
    rows = np.array([image.row for image in images], dtype=np.int64)
    numbers = np.searchsorted(starts, rows, side="right") - 1
    own: list[tuple[int, ...]] = []
    for number in np.unique(numbers).tolist():
        shard = corpus.manifest.shards[number].name
        image_ids = corpus.index_columns(shard, "image_id")["image_id"].combine_chunks()
        counts, outputs = targets.labels_of(shard, image_ids, rows[numbers == number] - starts[number])
        own += [tuple(part.tolist()) for part in np.split(outputs, np.cumsum(counts)[:-1])]
    codes = {output: code for code, output in enumerate(sorted({output for part in own for output in part}))}
    weights = count_labels([labels], targets.label_ids.to_pylist()).idf().tolist()
    return Question(
        name=targets.task,
        labels=tuple(tuple(codes[output] for output in part) for part in own),
        weights=tuple(weights[output] for output in codes),
        apart=_numbers([image.group for image in images]),
    )


def _numbers(names: Sequence[str]) -> tuple[int, ...]:
    codes = {name: code for code, name in enumerate(sorted(set(names)))}
    return tuple(codes[name] for name in names)
