"""`vitrail labels`: derive label sets, look into them, judge and compare them; `vitrail explain`: one image."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

__all__ = ["add_explain", "add_labels"]

_SHOWN = 10
_CORPUS_HELP = "default: the corpus of the label set, beside it or in data/"


def add_labels(commands: Any) -> None:
    """Registers `vitrail labels`."""
    labels = commands.add_parser("labels", help="Derive, judge, compare and look into label sets.")
    group = labels.add_subparsers(required=True, metavar="ACTION")

    derive = group.add_parser("derive", help="Derive the weak labels of a corpus; after a kill it goes on.")
    derive.add_argument("corpus", type=Path)
    derive.add_argument("--out", type=Path, required=True, help="label set folder")
    derive.add_argument("--recipe", default="emoji", help="whose section `labels` says how")
    derive.add_argument("--previous", type=Path, help="an earlier label set whose ids are kept")
    derive.add_argument("--engine", choices=("native", "ray"), help="Daft's engine; ray joins RAY_ADDRESS or starts")
    derive.set_defaults(function=_derive)

    judge = group.add_parser("judge", help="Make a sheet of pictures and phrases to mark, or read a marked one.")
    judge.add_argument("sheet", type=Path, help="folder of the sheet")
    judge.add_argument("--corpus", type=Path, required=True)
    way = judge.add_mutually_exclusive_group(required=True)
    way.add_argument("--labels", type=Path, help="make the sheet from this label set")
    way.add_argument("--read", type=Path, metavar="FILE", help="write the marks to this .parquet or .csv")
    judge.add_argument("--pairs", type=int, default=300, help="pictures to judge, one phrase each")
    judge.set_defaults(function=_judge)

    rejected = group.add_parser("rejected", help="List the phrases that are not in the dictionary, and why.")
    rejected.add_argument("labels", type=Path)
    rejected.add_argument("--reason", help="all phrases with this reason")
    rejected.add_argument("--language", help="ISO 639-1 code")
    rejected.set_defaults(function=_rejected)

    scorers = group.add_parser("scorers", help="Both scorers on the judgements a label set was derived with.")
    scorers.add_argument("labels", type=Path)
    scorers.set_defaults(function=_scorers)

    sources = group.add_parser("sources", help="What each source of text contributes, and what only it does.")
    sources.add_argument("labels", type=Path)
    sources.set_defaults(function=_sources)

    audit = group.add_parser("audit", help="A page for each label: its terms, how close they are, and pictures.")
    audit.add_argument("labels", type=Path)
    audit.add_argument("--corpus", type=Path, help=_CORPUS_HELP)
    audit.add_argument("--out", type=Path, required=True, help="folder of the pages")
    audit.add_argument("--label", type=int, action="append", default=[], help="label id; default: the least close")
    audit.set_defaults(function=_audit)

    diff = group.add_parser("diff", help="What became of the labels of OLD in NEW.")
    diff.add_argument("old", type=Path)
    diff.add_argument("new", type=Path)
    diff.add_argument("--json", action="store_true", help="all ids, for a program")
    diff.set_defaults(function=_diff)


def add_explain(commands: Any) -> None:
    """Registers `vitrail explain`."""
    explain = commands.add_parser("explain", help="Show which texts gave an image its labels.")
    explain.add_argument("image_id")
    explain.add_argument("--corpus", type=Path, help=_CORPUS_HELP)
    explain.add_argument("--labels", type=Path, required=True, help="label set folder")
    explain.add_argument("--page", type=Path, help="also write a page with the picture here")
    explain.add_argument("--json", action="store_true", help="for a program")
    explain.set_defaults(function=_explain)


def _derive(options: argparse.Namespace) -> None:
    from vitrail.labels import derive_labels
    from vitrail.recipes import find_recipe

    config = find_recipe(options.recipe).labels
    if options.engine:
        config = dataclasses.replace(config, engine=options.engine)
    manifest = derive_labels(options.corpus, options.out, config, previous=options.previous)
    print(
        f"{options.out}: {manifest.num_labels:,} labels on {manifest.num_images_labelled:,} of "
        f"{manifest.num_images:,} images, digest {manifest.digest}"
    )


def _corpus_of(options: argparse.Namespace) -> Path:
    """The corpus that is named, else the one among those at hand that the label set was derived from."""
    from vitrail.labels import find_corpus

    named: Path | None = options.corpus
    return named or find_corpus(options.labels, sorted(filter(Path.is_dir, Path("data").glob("*"))))


def _audit(options: argparse.Namespace) -> None:
    from vitrail.labels import measure_coverage, open_labels
    from vitrail.reporting import publish_audit

    publish_audit(_corpus_of(options), options.labels, options.out, options.label)
    coverage = measure_coverage(open_labels(options.labels))
    if coverage.can_be_specific:
        print(f"{'specific':<12}{coverage.specific:>8.1%}  of the images have a label that fewer than 1% of them have")
    else:
        few = f"{coverage.num_images} images cannot tell: a label on one of them is on 1% or more"
        print(f"{'specific':<12}{'–':>8}  {few}")
    print(f"{'generic':<12}{coverage.generic:>8.1%}  have only labels that 5% of them or more have")
    print(f"{'unlabelled':<12}{coverage.unlabelled:>8.1%}  have no label")
    print(f"{'labels':<12}{coverage.labels_per_image:>8.2f}  an image")
    alike = f"as of {coverage.effective_labels:,.0f} labels that are used alike"
    print(f"{'entropy':<12}{coverage.entropy_bits:>8.2f}  bits, {alike}")
    print(options.out / "index.html")


def _judge(options: argparse.Namespace) -> None:
    from vitrail.corpus import open_corpus
    from vitrail.labels import open_labels, read_sheet, sample_pairs, write_judgements, write_sheet

    corpus = open_corpus(options.corpus)
    if options.labels:
        pairs = sample_pairs(corpus, open_labels(options.labels), options.pairs)
        info = write_sheet(corpus, pairs, options.sheet)
        print(
            f"{options.sheet / 'sheet.html'}: {info.num_pairs} phrases on {info.num_pictures} pictures of {info.corpus}"
        )
        print(f"mark them there, or write y, n or ? into {options.sheet / 'pairs.csv'}; then")
        print(f"vitrail labels judge {options.sheet} --corpus {options.corpus} --read judgements.parquet")
        return
    table, num_open = read_sheet(options.sheet, corpus)
    write_judgements(options.read, table)
    num_right = sum(table["is_right"].to_pylist())
    print(f"{options.read}: {table.num_rows} judgements, {num_right} right; {num_open} pairs left open")


def _rejected(options: argparse.Namespace) -> None:
    from vitrail.labels import list_rejections, open_labels
    from vitrail.labels.dictionary.rejections import REASONS

    rows = list_rejections(open_labels(options.labels), options.reason, options.language).to_pylist()
    if options.reason:
        for row in rows:
            counts_as = f"\t= {row['canonical']}" if row["canonical"] != row["term"] else ""
            print(f"{row['num_images']}\t{row['language']}\t{row['term']}{counts_as}")
        return
    for reason, meaning in REASONS.items():
        terms = [row["term"] for row in rows if row["reason"] == reason]
        if terms:
            print(f"{reason:<12}{len(terms):>8,}  {meaning}: {', '.join(terms[:_SHOWN])}")


def _scorers(options: argparse.Namespace) -> None:
    from vitrail.labels import compare_scorers, open_labels

    print(f"{'scorer':<24}{'AUC':>7}{'average precision':>19}{'Brier':>8}{'calibration error':>19}")
    for name, quality in compare_scorers(open_labels(options.labels)).items():
        print(
            f"{name:<24}{quality.auc:>7.3f}{quality.average_precision:>19.3f}{quality.brier:>8.3f}"
            f"{quality.calibration_error:>19.3f}"
        )


def _sources(options: argparse.Namespace) -> None:
    from vitrail.labels import open_labels, source_support

    print(f"{'source':<16}{'votes':>12}{'labels of images':>18}{'by it alone':>13}")
    for row in source_support(open_labels(options.labels)).to_pylist():
        alone = row["num_sole_labels"] / row["num_labels"]
        print(f"{row['source']:<16}{row['num_votes']:>12,}{row['num_labels']:>18,}{alone:>13.1%}")


def _diff(options: argparse.Namespace) -> None:
    from vitrail.contracts.codec import encode
    from vitrail.labels import LabelSet, diff_labels, open_labels

    old, new = open_labels(options.old), open_labels(options.new)
    diff = diff_labels(old, new)
    if options.json:
        print(json.dumps(encode(diff), indent=2))
        return

    def names(labels: LabelSet) -> dict[int, str]:
        table = labels.vocabulary()
        return dict(zip(table["label_id"].to_pylist(), table["term"].to_pylist(), strict=True))

    before, after = names(old), names(new)
    lists = {
        "kept": [after[label_id] for label_id in diff.kept],
        "merged": [f"{' + '.join(before[i] for i in ids)} -> {after[new_id]}" for new_id, ids in diff.merged.items()],
        "split": [f"{before[old_id]} -> {' + '.join(after[i] for i in ids)}" for old_id, ids in diff.split.items()],
        "new": [after[label_id] for label_id in diff.new],
        "lost": [before[label_id] for label_id in diff.lost],
    }
    for name, entries in lists.items():
        shown = "; ".join(entries[:_SHOWN]) + (" ..." if len(entries) > _SHOWN else "")
        print(f"{name:<10}{len(entries):>7,}  {shown}")
    print(f"{'churn':<10}{diff.churn:>7.1%}  of the old labels' term mentions are in another label now, or in none")
    print(f"{'tail':<10}{diff.tail_mass[0]:>7.1%}  of the (image, label) pairs before, {diff.tail_mass[1]:.1%} now")


def _explain(options: argparse.Namespace) -> None:
    from vitrail.contracts.codec import encode
    from vitrail.corpus import open_corpus
    from vitrail.labels import describe_explanation, explain_image, write_explanation

    corpus = _corpus_of(options)
    explanation = explain_image(corpus, options.labels, options.image_id)
    if options.page:
        write_explanation(open_corpus(corpus), explanation, options.page)
    if options.json:
        print(json.dumps(encode(explanation), indent=2, ensure_ascii=False))
    else:
        print(describe_explanation(explanation))
        print(f"\npicture {options.page}" if options.page else "\npicture --page FILE writes it, with all of this")
