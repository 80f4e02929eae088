"""Label derivation end to end: signals per second and core, against peers and the normalise-only floor.

Posts are synthetic, each of one language, drawn from the words of the real emoji texts of five; the dictionary has
100,000 phrases of 1-3 words, and as in a derived one none begins or ends with a stop word. Votes are written.
Clustering is off: like the dictionary it is a cost of the vocabulary, paid once from a bounded sample.
Run with `make bench-labels`. Each size runs in a process of its own; rates are per second of CPU time (user and
system, all threads), so that other work on the machine does not count, though it does slow the processor's caches and
its second thread. The end-to-end rate is that of the rows that the largest size has more than the smallest.
Expected on 2 cores: about 2 minutes; end to end >= 150,000 signals/s per core; memory that does not grow with rows.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import write
from vitrail.contracts.corpus import CorpusManifest, ShardInfo, index_file, signals_file
from vitrail.labels.text.stop_words import stop_words

GOAL = 150_000
NUM_TERMS = 100_000
LANGUAGES = ("en", "es", "fr", "pt", "it")
SIZES = (100_000, 1_000_000, 10_000_000)
SIGNALS_PER_IMAGE = 5
IMAGES_PER_SHARD = 10_000
SIGNALS_PER_FILE = 250_000
SAMPLE_SIGNALS = 50_000
PEER_TEXTS = 50_000
WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def real_words() -> dict[str, np.ndarray]:
    """Names of all emoji by language, as the corpus builder uses them: words with their real frequencies."""
    import emoji

    emoji.config.load_language()
    return {language: _words_of(emoji.EMOJI_DATA, language) for language in LANGUAGES}


def _words_of(emoji_data: dict[str, dict[str, str]], language: str) -> np.ndarray:
    names = [data[language] for data in emoji_data.values() if language in data]
    words = " ".join(name.strip(":").replace("_", " ").replace("-", " ") for name in names).split()
    return np.array([word for word in words if word.isalpha()])


def make_terms(words: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, list[str]]:
    """100,000 phrases, as many of each language: every word, then words with a suffix, then pairs and triples.

    As in a derived dictionary no term is a stop word, or begins or ends with one.
    """
    return {language: _terms_of(language, some, rng) for language, some in words.items()}


def _terms_of(language: str, words: np.ndarray, rng: np.random.Generator) -> list[str]:
    words = words[[(word,) not in stop_words(language) for word in words]]
    distinct = sorted(set(words.tolist()))
    terms = dict.fromkeys(distinct)
    for suffix in ("a", "er", "ing", "ado"):
        terms.update(dict.fromkeys(f"{word}{suffix}" for word in distinct))
    while len(terms) < NUM_TERMS // len(LANGUAGES):
        picked = rng.choice(words, (20_000, 3))
        terms.update(dict.fromkeys(" ".join(row[: 2 + index % 2]) for index, row in enumerate(picked.tolist())))
    return list(terms)[: NUM_TERMS // len(LANGUAGES)]


def make_texts(
    words: dict[str, np.ndarray], terms: dict[str, list[str]], count: int, rng: np.random.Generator
) -> tuple[list[str], np.ndarray]:
    """Texts of about 50 characters, a phrase among running words as captions are, and their languages, a post each."""
    languages = np.array(LANGUAGES)[np.arange(count) // SIGNALS_PER_IMAGE % len(LANGUAGES)]
    texts = np.full(count, "", dtype=object)
    for language in LANGUAGES:
        rows = np.flatnonzero(languages == language)
        picked = rng.choice(words[language], (len(rows), 6)).tolist()
        phrases = rng.choice(terms[language], len(rows)).tolist()
        texts[rows] = [
            f"{' '.join(row[:3]).capitalize()}, {phrase} {' '.join(row[3:])}"
            for row, phrase in zip(picked, phrases, strict=True)
        ]
    return texts.tolist(), languages


def write_corpus(folder: Path, num_signals: int) -> None:
    """A corpus without pictures: index, signals, manifest."""
    rng = np.random.default_rng(0)
    words = real_words()
    terms = make_terms(words, rng)
    (folder / "signals").mkdir(parents=True)
    (folder / "index").mkdir()
    (folder / "terms.txt").write_text("\n".join(term for some in terms.values() for term in some), encoding="utf-8")
    num_images = num_signals // SIGNALS_PER_IMAGE
    shards = []
    for number, start in enumerate(range(0, num_images, IMAGES_PER_SHARD)):
        ids = [f"image-{index:09}" for index in range(start, min(start + IMAGES_PER_SHARD, num_images))]
        pq.write_table(pa.table({"image_id": ids}), folder / index_file(f"{number:05}"))
        shards.append(ShardInfo(name=f"{number:05}", num_images=len(ids), size=0, digest=""))
    sources = np.array(["title", "description", "alt_text", "board", "query"])
    for number, start in enumerate(range(0, num_signals, SIGNALS_PER_FILE)):
        count = min(SIGNALS_PER_FILE, num_signals - start)
        position = np.arange(start, start + count)
        image = position // SIGNALS_PER_IMAGE
        texts, languages = make_texts(words, terms, count, rng)
        table = pa.table(
            {
                "post_id": [f"post-{index:09}" for index in image],
                "image_id": [f"image-{index:09}" for index in image],
                "source": sources[position % SIGNALS_PER_IMAGE],
                "text": texts,
                "weight": np.ones(count, dtype=np.float32),
                "language": languages,
                "observed_at": pa.array(np.zeros(count, dtype=np.int64), pa.timestamp("us", tz="UTC")),
            }
        )
        pq.write_table(table, folder / signals_file(f"{number:05}"))
    manifest = CorpusManifest(
        name="bench",
        title="",
        description="",
        licences=(),
        shards=tuple(shards),
        tasks=(),
        num_images=num_images,
        num_signals=num_signals,
        num_quarantined=0,
        digest=f"bench-{num_signals}",
    )
    write(folder, manifest)


def cpu_seconds() -> float:
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, WHO))


def run_size(num_signals: int, folder: Path) -> None:
    """Child process: derives labels once and prints CPU seconds and peak memory."""
    from vitrail.labels import LabelsConfig, derive_labels

    config = LabelsConfig(
        dictionary_files=(str(folder / "terms.txt"),), sample_signals=SAMPLE_SIGNALS, clustering="none"
    )
    started, cpu = time.perf_counter(), cpu_seconds()
    manifest = derive_labels(folder, folder / "labels", config)
    print(
        json.dumps(
            {
                "num_signals": num_signals,
                "num_labels": manifest.num_labels,
                "seconds": round(time.perf_counter() - started, 2),
                "cpu_seconds": round(cpu_seconds() - cpu, 2),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),  # its workers are threads
            }
        )
    )


def measure_sizes(root: Path) -> list[dict[str, float]]:
    results = []
    for size in SIZES:
        folder = root / str(size)
        write_corpus(folder, size)
        command = [sys.executable, __file__, "--child", str(size), str(folder)]
        output = subprocess.run(command, capture_output=True, text=True, check=False)
        if output.returncode:
            raise SystemExit(output.stderr)
        results.append(json.loads(output.stdout.splitlines()[-1]))
        print(f"{size:>10,} signals: {results[-1]}", flush=True)
        shutil.rmtree(folder)
    return results


def rate(work: Callable[[], object], num_texts: int) -> float:
    started = time.process_time()
    work()
    return num_texts / (time.process_time() - started)


def measure_matching() -> dict[str, float]:
    """Texts per CPU second of finding the dictionary's phrases, ours and the peers', on the same texts."""
    import ahocorasick_rs
    import duckdb
    from sklearn.feature_extraction.text import CountVectorizer

    from vitrail.labels.text.matching import Matcher
    from vitrail.labels.text.normalise import normalise, tokenise

    rng = np.random.default_rng(1)
    words = real_words()
    by_language = make_terms(words, rng)
    terms = sorted({term for some in by_language.values() for term in some})
    texts, _ = make_texts(words, by_language, PEER_TEXTS, rng)
    array = pa.array(texts)
    matcher = Matcher([tuple(term.split()) for term in terms])
    automaton = ahocorasick_rs.AhoCorasick(
        [f" {'  '.join(term.split())} " for term in terms], matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
    )
    vectorizer = CountVectorizer(vocabulary=terms, ngram_range=(1, 3))
    database = duckdb.connect(config={"threads": 1})
    tables = {"texts": pa.table({"id": np.arange(len(texts)), "text": texts}), "terms": pa.table({"term": terms})}
    for name, table in tables.items():
        database.register(name, table)

    def loop() -> list[list[tuple[int, int, int]]]:
        found = []
        for text in texts:
            padded = "  ".join(text.lower().replace(",", " ,").split())
            found.append(automaton.find_matches_as_indexes(f" {padded} "))
        return found

    query = """
        WITH words AS (SELECT id, regexp_extract_all(lower(text), '\\w+') AS w FROM texts),
        grams AS (
            SELECT id, unnest(list_concat(w,
                list_transform(range(1, len(w)), lambda i: w[i] || ' ' || w[i + 1]),
                list_transform(range(1, len(w) - 1), lambda i: w[i] || ' ' || w[i + 1] || ' ' || w[i + 2]))) AS gram
            FROM words)
        SELECT count(*) FROM grams JOIN terms ON gram = term"""
    measured: dict[str, Callable[[], object]] = {
        "vitrail": lambda: matcher.find(tokenise(array)),
        "normalise only": lambda: normalise(array),
        "ahocorasick_rs loop": loop,
        "scikit-learn CountVectorizer": lambda: vectorizer.transform(texts),
        "DuckDB n-gram join": lambda: database.execute(query).fetchall(),
    }
    rates = {name: max(rate(work, len(texts)) for _ in range(3)) for name, work in measured.items()}
    for name, value in rates.items():
        print(f"matching, {name:>29}: {value:>12,.0f} texts/s per core", flush=True)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("SIGNALS", "FOLDER"))
    arguments = parser.parse_args()
    if arguments.child:
        run_size(int(arguments.child[0]), Path(arguments.child[1]))
        return
    with tempfile.TemporaryDirectory(prefix="bench-labels-") as name:
        sizes = measure_sizes(Path(name))
    rates = measure_matching()
    small, large = sizes[0], sizes[-1]
    value = (large["num_signals"] - small["num_signals"]) / (large["cpu_seconds"] - small["cpu_seconds"])
    peers = {peer: speed for peer, speed in rates.items() if peer not in ("vitrail", "normalise only")}
    result = {
        "name": "labels",
        "value": round(value),
        "unit": "signals/s per core, Parquet to sidecars",
        "goal": GOAL,
        "best_peer": max(peers, key=peers.__getitem__),
        "ratio_to_peer": round(rates["vitrail"] / max(peers.values()), 2),
        "ratio_to_limit": round(rates["vitrail"] / rates["normalise only"], 2),
        "peak_mb": [size["peak_mb"] for size in sizes],
        "core_hours_for_1.3_billion_images": round(1.3e9 * SIGNALS_PER_IMAGE / value / 3600, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
