"""How often the first label of a picture is right, arm by arm, on pictures that were judged by eye.

    make bench-label-quality

Arms, each the first label it gives a picture; the first four on openclipart and emoji, the others on openclipart alone:

    raw keywords      one of the uploader's keywords, drawn by hash: keywords come without order or score
    dictionary only   the dictionary term that the texts mention most often, ties drawn by hash
    scored            derived labels, every term a label of its own
    clustered         derived labels as the recipe says, of whatever level comes first
    judged scorer     clustered, scored by trees that were trained on the judgements of the other half of the pictures
    log_mean, sum     clustered, with another aggregation of the posts that share a picture
    without SOURCE    clustered, when texts of that source do not vote
    catlip, metaclip  the recipes of other papers (benchmarks/peer_labels.py), whose labels have no order: by hash

The judgements lie in benchmarks/judgements (see its README). Pictures are one per series (split group), so that a
thousand drawings by one script count once. Intervals are bootstraps over pictures. A pair without judgement is
counted and left out. `--sheet DIR` writes the pairs that are not judged yet to sheets for marking.
Expected on 2 cores: about 6 minutes, most of it for openclipart.
"""

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from first_labels import JUDGEMENTS, Arm, first_labels, known_judgements, marks
from peer_labels import peer_labels
from peers.keywords import keywords_of
from peers.label_set import write_label_set
from peers.texts import draw, read_texts, tokens_of
from vitrail.corpus import Corpus, build_corpus, open_corpus
from vitrail.labels import LabelsConfig, LabelSet, derive_labels, open_labels
from vitrail.labels.inspect.judging_sheet import Pair, write_sheet
from vitrail.labels.scoring.judgements import read_judgements, write_judgements
from vitrail.labels.text.normalise import normalise_terms
from vitrail.labels.text.surfaces import Surfaces
from vitrail.recipes import find_recipe

TRAINING = "openclipart.csv"
JUDGED = {"openclipart": (TRAINING, "openclipart-afterwards.csv"), "emoji": ("emoji-by-eye.csv",)}
NUM_PICTURES = {"openclipart": 320, "emoji": 300}
NUM_RESAMPLES = 5000
PEER_ARMS = ("catlip", "metaclip")
MAIN_ARMS = ("raw keywords", "dictionary only", "scored", "clustered")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="only this one, a built openclipart or emoji")
    parser.add_argument("--sheet", type=Path, help="write what is not judged yet here, to be marked")
    parser.add_argument("--work", type=Path, help="keep the label sets of the arms here, and continue")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary) / "work"
        folders = [options.corpus] if options.corpus else [Path(temporary) / name for name in JUDGED]
        for folder in folders:
            if not options.corpus:
                build_corpus(folder.name, folder)
            measure(open_corpus(folder), work, options.sheet)


def measure(corpus: Corpus, work: Path, sheet: Path | None) -> None:
    name, work = corpus.manifest.name, work / corpus.manifest.name
    arms, label_sets = find_arms(corpus, work)
    sample = draw_pictures(corpus, [arms[arm] for arm in MAIN_ARMS], NUM_PICTURES[name])
    pool = {
        Pair(image_id=image_id, term=arm[image_id]) for arm in arms.values() for image_id in sample if image_id in arm
    }
    judged = known_judgements(*JUDGED[name])
    missing = [pair for pair in pool if (pair.image_id, pair.term) not in judged]
    if sheet is not None:
        info = write_sheet(corpus, missing, sheet / name)
        print(f"{sheet / name}: {info.num_pairs} pairs on {info.num_pictures} pictures to mark")
        return
    print(f"{name}: {len(sample)} pictures, {len(pool)} pairs, {len(missing)} of them not judged")
    report_tail(label_sets["scored"], label_sets["clustered"])
    report_precision(name, arms, sample, judged, corpus.manifest.num_images)


def find_arms(corpus: Corpus, work: Path) -> tuple[dict[str, Arm], dict[str, LabelSet]]:
    """The arms of a corpus by name, and the label sets that some of them are of."""
    name = corpus.manifest.name
    config, texts = find_recipe(name).labels, read_texts(corpus)
    wanted = main_configurations(config)
    if name == "openclipart":
        wanted |= other_configurations(config, sorted(texts["source"].unique()))
    label_sets = {arm: derived(corpus, work / arm.replace(" ", "-"), change) for arm, change in wanted.items()}
    arms = {"raw keywords": raw_keywords(texts), "dictionary only": dictionary_only(texts, label_sets["scored"])}
    arms |= {arm: first_labels(labels) for arm, labels in label_sets.items()}
    if name == "openclipart":
        arms["judged scorer"] = judged_scorer(corpus, work, config)
        arms |= {arm: first_labels(peer(arm, corpus, texts, work)) for arm in PEER_ARMS}
    return arms, label_sets


def main_configurations(config: LabelsConfig) -> dict[str, LabelsConfig]:
    return {"scored": replace(config, clustering="none"), "clustered": config}


def other_configurations(config: LabelsConfig, sources: list[str]) -> dict[str, LabelsConfig]:
    without = {f"without {source}": replace(config, source_weights={source: 0.0}) for source in sources}
    return {"log_mean": replace(config, aggregation="log_mean"), "sum": replace(config, aggregation="sum"), **without}


def derived(corpus: Corpus, folder: Path, config: LabelsConfig) -> LabelSet:
    if not folder.exists():
        derive_labels(corpus.path, folder, config)
    return open_labels(folder)


def judged_scorer(corpus: Corpus, work: Path, config: LabelsConfig) -> Arm:
    """Each picture's first label from the trees that have not seen its judgements; its series is not split either."""
    group = {row["image_id"]: row["group"] for row in corpus.splits().select(["image_id", "group"]).to_pylist()}
    half = {image_id: draw("half", name)[0] % 2 for image_id, name in group.items()}
    table = read_judgements(JUDGEMENTS / TRAINING)
    halves = np.array([half[image_id] for image_id in table["image_id"].to_pylist()])
    arm: Arm = {}
    for number in (0, 1):
        path = work / f"judgements-{number}.parquet"
        write_judgements(path, table.filter(pa.array(halves == number)))
        labels = derived(corpus, work / f"judged-{number}", replace(config, judgements=str(path)))
        arm |= {image_id: term for image_id, term in first_labels(labels).items() if half[image_id] != number}
    return arm


def peer(name: str, corpus: Corpus, texts: pl.DataFrame, work: Path) -> LabelSet:
    folder = work / name
    if not folder.exists():
        write_label_set(folder, corpus, peer_labels(name, texts, work / "downloads"))
    return open_labels(folder)


def raw_keywords(texts: pl.DataFrame) -> Arm:
    found: dict[str, set[str]] = defaultdict(set)
    for image_id, keyword in keywords_of(texts).iter_rows():
        found[image_id].add(keyword)
    return {image_id: min(words, key=lambda word: draw(image_id, word)) for image_id, words in found.items()}


def dictionary_only(texts: pl.DataFrame, labels: LabelSet) -> Arm:
    rows = [row for row in labels.dictionary().to_pylist() if row["reason"] is None]
    names = sorted({row["canonical"] for row in rows})
    number = {name: index for index, name in enumerate(names)}
    entries = {
        "tokens": normalise_terms([row["term"] for row in rows]),
        "language": [row["language"] for row in rows],
        "term": [number[row["canonical"]] for row in rows],
        "num_images": [row["num_images"] for row in rows],
    }
    matches = Surfaces(pa.table(entries)).find(tokens_of(texts), pa.nulls(len(texts)))
    images = texts["image_id"].to_list()
    mentions: dict[str, Counter[str]] = defaultdict(Counter)
    for text, term in zip(matches.text.tolist(), matches.term.tolist(), strict=True):
        mentions[images[text]][names[term]] += 1
    return {
        image_id: max(counts, key=lambda term: (counts[term], draw(image_id, term)))
        for image_id, counts in mentions.items()
    }


def draw_pictures(corpus: Corpus, arms: list[Arm], count: int) -> list[str]:
    """Pictures with a label in all arms, one of each series, drawn by hash."""
    splits = corpus.splits().select(["image_id", "group"]).to_pylist()
    ordered = sorted(splits, key=lambda row: draw(corpus.manifest.name, row["image_id"]))
    of_series: dict[str, str] = {}
    for row in ordered:
        if all(row["image_id"] in arm for arm in arms):
            of_series.setdefault(row["group"], row["image_id"])
    return list(of_series.values())[:count]


def report_tail(before: LabelSet, after: LabelSet) -> None:
    """Images per label of the terms in the tail, alone and in the coarsest label that they count in."""
    alone = before.vocabulary().to_pylist()
    joined = {term: row["frequency"] for row in after.vocabulary().to_pylist() for term in row["members"]}
    tail = [row for row in alone if row["band"] == "tail"]
    pairs = np.array([[row["frequency"], joined.get(row["term"], 0)] for row in tail])
    print(
        f"tail: {len(tail)} of {len(alone)} unclustered labels; images per label, mean {pairs[:, 0].mean():.1f} -> "
        f"{pairs[:, 1].mean():.1f}, median {np.median(pairs[:, 0]):.0f} -> {np.median(pairs[:, 1]):.0f}; "
        f"{int((pairs[:, 1] > pairs[:, 0]).sum())} grew"
    )
    rescued = set(joined) - {row["term"] for row in alone}
    print(
        f"labels: {len(alone)} -> {after.vocabulary().num_rows}; {len(rescued)} terms too rare to be a label "
        "count in one"
    )


def report_precision(
    corpus: str, arms: dict[str, Arm], sample: list[str], judged: dict[tuple[str, str], bool], num_images: int
) -> None:
    right = {name: np.array(list(marks(arm, sample, judged)), dtype=float) for name, arm in arms.items()}
    precision = {name: float(np.nanmean(values)) for name, values in right.items()}
    print(f"{'arm':<22}{'precision':>10}{'95% interval':>16}{'judged':>8}{'against clustered':>28}{'labelled':>10}")
    for name, values in right.items():
        low, high = interval(values, lambda rows: np.nanmean(rows))
        difference = values - right["clustered"]
        lower, upper = interval(difference, lambda rows: np.nanmean(rows))
        print(
            f"{name:<22}{precision[name]:>10.3f}{f'{low:.3f}-{high:.3f}':>16}{int((~np.isnan(values)).sum()):>8}"
            f"{f'{np.nanmean(difference):+.3f} [{lower:+.3f}, {upper:+.3f}]':>28}{len(arms[name]) / num_images:>10.1%}"
        )
    main = np.stack([right[name] for name in MAIN_ARMS])
    best = np.nanmax(main[:, ~np.isnan(main).all(axis=0)], axis=0)
    print(
        json.dumps(
            {
                "name": f"label_quality_{corpus}",
                "value": round(precision["clustered"], 4),
                "unit": "precision of the first label",
                "ratio_to_peer": round(precision["clustered"] / precision["raw keywords"], 3),  # raw keywords
                "ratio_to_limit": round(precision["clustered"] / float(best.mean()), 3),  # best arm per picture
            }
        )
    )


def interval(values: np.ndarray, statistic: Callable[[np.ndarray], float]) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    resampled = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(NUM_RESAMPLES)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
