"""An audit page for each of the merged labels that most need one: do their terms name the same thing?"""

import logging
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from vitrail.contracts.files import atomic_folder
from vitrail.corpus import Corpus, open_corpus
from vitrail.corpus.thumbnails import embed_pictures
from vitrail.errors import LabelError
from vitrail.labels import LabelSet, measure_coverage, open_labels
from vitrail.reporting.clusters import Cluster, describe_clusters, find_voted_images, suspects
from vitrail.reporting.templating import environment

__all__ = ["AUDIT_FOLDER", "publish_audit"]

_log = logging.getLogger(__name__)

AUDIT_FOLDER = "clusters"  # beside a report

_NUM_PAGES = 24
_MOST_MEMBERS = 12  # that are shown with pictures
_NUM_PICTURES = 6  # of each member


def publish_audit(corpus: Path, labels: Path, out: Path, label_ids: Sequence[int] = ()) -> None:
    """Writes `<label id>.html` for each label and `index.html`, which lists them and says how well all labels cover.

    Every page stands alone.

    Args:
        corpus: Corpus folder, for the pictures.
        labels: Label-set folder.
        out: Folder of the pages; it appears whole.
        label_ids: Labels to audit; none takes the 24 whose terms are least close.

    Raises:
        LabelError: A label is not in the label set, or that is of another corpus.
    """
    label_set, opened = open_labels(labels), open_corpus(corpus)
    label_set.require_corpus(opened)
    clusters = describe_clusters(label_set)
    chosen = _choose(clusters, label_ids, labels) if label_ids else suspects(clusters, _NUM_PAGES)
    with atomic_folder(out) as folder:
        for cluster in chosen:
            page = _render("cluster.html", cluster=cluster, **_pictured(cluster, label_set, opened))
            (folder / f"{cluster.label_id}.html").write_text(page, encoding="utf-8")
        listed = {"clusters": chosen, "num_labels": len(clusters), "is_chosen": bool(label_ids)}
        page = _render("clusters.html", **listed, coverage=measure_coverage(label_set))
        (folder / "index.html").write_text(page, encoding="utf-8")
    _log.info("%d labels to audit: %s", len(chosen), out / "index.html")


def _choose(clusters: list[Cluster], label_ids: Sequence[int], labels: Path) -> list[Cluster]:
    known = {cluster.label_id: cluster for cluster in clusters}
    missing = [label_id for label_id in label_ids if label_id not in known]
    if missing:
        raise LabelError(f"{labels} has no label {missing[0]}; ids are in its vocabulary.parquet")
    return [known[label_id] for label_id in label_ids]


def _pictured(cluster: Cluster, labels: LabelSet, corpus: Corpus) -> dict[str, Any]:
    voted = find_voted_images(labels, cluster.label_id, _NUM_PICTURES)
    shown = [voted.get(member.term, []) for member in cluster.members[:_MOST_MEMBERS]]
    pictures = embed_pictures(corpus, [image_id for images in shown for image_id in images])
    members = [
        {"member": member, "images": [(image_id, pictures.get(image_id)) for image_id in images]}
        for member, images in zip(cluster.members, shown, strict=False)
    ]
    return {"members": members, "rest": cluster.members[_MOST_MEMBERS:]}


def _render(template: str, **data: Any) -> str:
    style = files("vitrail.reporting").joinpath("templates", "page.css").read_text(encoding="utf-8")
    return environment().get_template(template).render(style=Markup(style), **data)  # noqa: S704 our own file
