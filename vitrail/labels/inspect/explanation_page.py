"""An explanation to read: as text, and as a page with the picture."""

import html
from importlib.resources import files
from pathlib import Path
from string import Template

from vitrail.contracts.files import atomic_file
from vitrail.corpus import Corpus
from vitrail.corpus.thumbnails import data_uri, read_thumbnails
from vitrail.labels.inspect.explanation import Explanation, LabelReason

__all__ = ["describe_explanation", "write_explanation"]

_SIZE = 360


def describe_explanation(explanation: Explanation) -> str:
    """Texts, then each label with its cluster and votes."""
    lines = [f"image   {explanation.image_id} (shard {explanation.shard})"]
    lines += [f"text    {source}{_tag(language)}: {text}" for source, language, text in explanation.texts]
    for label in explanation.labels:
        lines += ["", f"label   {label.score:.2f}  {label.term}  (id {label.label_id})"]
        if len(label.members) > 1:
            lines.append(f"cluster {', '.join(label.members)}")
        lines += [
            f"vote    {vote.score:.2f}  {vote.term!r} in {vote.source} of post {vote.post_id}" for vote in label.votes
        ]
    if not explanation.labels:
        lines += ["", "no label: no text says a term of the dictionary with a score of min_score or more"]
    return "\n".join(lines)


def _tag(language: str | None) -> str:
    return f" [{language}]" if language else ""


def write_explanation(corpus: Corpus, explanation: Explanation, out: Path) -> None:
    """Writes one HTML file that needs no other."""
    template = files("vitrail.labels.inspect").joinpath("templates", "explanation.html").read_text(encoding="utf-8")
    picture = read_thumbnails(corpus, [explanation.image_id], _SIZE).get(explanation.image_id)
    page = Template(template).substitute(
        image_id=html.escape(explanation.image_id),
        shard=html.escape(explanation.shard),
        picture=f'<img src="{data_uri(picture)}" alt="">' if picture else "<p>The picture cannot be read.</p>",
        texts="\n".join(_row(source, language or "", text) for source, language, text in explanation.texts),
        labels="\n".join(map(_section, explanation.labels)) or "<p>No label.</p>",
    )
    with atomic_file(out) as partial:
        partial.write_text(page, encoding="utf-8")


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td dir=auto>{html.escape(cell)}</td>' for cell in cells)}</tr>"


def _section(label: LabelReason) -> str:
    votes = "".join(_row(vote.term, vote.source, vote.post_id, f"{vote.score:.2f}") for vote in label.votes)
    members = f"<p>Cluster: {html.escape(', '.join(label.members))}</p>" if len(label.members) > 1 else ""
    return (
        f"<section><h2><meter value={label.score:.3f}></meter> {label.score:.2f} {html.escape(label.term)} "
        f"<small>id {label.label_id}</small></h2>{members}"
        f"<table><tr><th>phrase<th>source<th>post<th>score</tr>{votes}</table></section>"
    )
