"""Makes emoji.csv: words of the emoji corpus, judged by the keywords of emojilib, which no signal comes from.

    npm pack emojilib@4.0.3 && tar xzf emojilib-4.0.3.tgz
    python benchmarks/judgements/from_emojilib.py package/dist/emoji-en-US.json data/emoji LABELS

LABELS is a label set of the corpus, for its dictionary. See README.md for what the judgements are worth.
"""

import argparse
import json
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrail.contracts.corpus import SIGNALS_FILES
from vitrail.corpus.build.emoji.codes import concept_of, normalise_codes
from vitrail.labels import LabelSet, open_labels
from vitrail.labels.scoring.judgements import write_judgements
from vitrail.labels.text.matching import Matcher
from vitrail.labels.text.normalise import join_term, normalise_terms, tokenise

NUM_PAIRS = 2000
MIN_KEYWORDS = 3  # fewer say little about what is missing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("emojilib", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("labels", type=Path)
    options = parser.parse_args()
    canonical = accepted_terms(open_labels(options.labels))
    emojilib = json.loads(options.emojilib.read_text(encoding="utf-8"))
    keywords = read_keywords(emojilib, canonical)
    names = {codes_of(emoji): words[0] for emoji, words in emojilib.items()}  # the signals have it: no judge
    pairs = {
        (image_id, term, term in keywords[codes])
        for image_id, codes, term in said_words(options.corpus, canonical)
        if codes in keywords and term != names[codes]
    }
    ordered = sorted(pairs, key=lambda pair: sha256("\0".join(pair[:2]).encode()).digest())[:NUM_PAIRS]
    columns = [list(column) for column in zip(*sorted(ordered), strict=True)]
    table = pa.table(dict(zip(("image_id", "term", "is_right"), columns, strict=True)))
    write_judgements(Path(__file__).parent / "emoji.csv", table)
    print(f"{len(table)} judgements, {pc.sum(table['is_right']).as_py()} of them right")


def accepted_terms(labels: LabelSet) -> dict[str, str]:
    rows = labels.dictionary().to_pylist()
    return {row["term"]: row["canonical"] for row in rows if row["reason"] is None and row["language"] == "en"}


def codes_of(emoji: str) -> str:
    return normalise_codes("-".join(f"{ord(character):X}" for character in emoji))


def read_keywords(emojilib: dict[str, list[str]], canonical: dict[str, str]) -> dict[str, set[str]]:
    """Keywords by code points, as terms; the first of each is the name, which the signals have, and is left out."""
    found = {}
    for emoji, words in emojilib.items():
        terms = {join_term(list(term)) for term in normalise_terms(words[1:]) if term}
        if len(terms) >= MIN_KEYWORDS:
            found[codes_of(emoji)] = {canonical.get(term, term) for term in terms}
    return found


def said_words(corpus: Path, canonical: dict[str, str]) -> list[tuple[str, str, str]]:
    """(image id, code points, term) for the English words said of pictures that are no skin-tone variant.

    Phrases are left out: emojilib lists words, so its silence about a phrase means nothing.
    """
    texts = pa.concat_tables([pq.read_table(path) for path in sorted(corpus.glob(SIGNALS_FILES))])
    texts = texts.filter(pc.equal(texts["language"], "en"))
    surfaces = list(canonical)
    matches = Matcher(normalise_terms(surfaces)).find(tokenise(texts["text"].combine_chunks()))
    images = texts["image_id"].to_pylist()
    phrases = []
    for text, term in zip(matches.text.tolist(), matches.term.tolist(), strict=True):
        codes = normalise_codes(images[text].partition("-")[2])
        phrase = canonical[surfaces[term]]
        if codes == concept_of(codes) and " " not in phrase:
            phrases.append((images[text], codes, phrase))
    return phrases


if __name__ == "__main__":
    main()
