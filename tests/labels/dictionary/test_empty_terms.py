"""Terms that say nothing of a picture: names of collections and marks of variants."""

import numpy as np
import pyarrow as pa

from vitrail.labels import LabelsConfig
from vitrail.labels.dictionary.vocabulary import build_vocabulary

COLOURS = ("red", "blue", "green")
KINDS = ("animals", "tools", "food", "vehicles")
THINGS = [f"{kind[:3]}{letter}{second}" for kind in KINDS for letter in "abcde" for second in "klmno"]


def icons(sets=("iconmind", "material symbols", "phosphor", "tabler")):
    """Rows (image, source, text) of drawings: their names, their set and the kind of thing they show."""
    rows, image = [], 0
    for number, name in enumerate(sets):
        for index, thing in enumerate(THINGS):
            for style in ("", " outline", " sharp") if number < 2 else ("",):
                texts = [("title", thing + style), ("set", name), ("board", KINDS[index // 25])]
                if index % 3 == number % 3:
                    texts.append(("alt_text", f"{COLOURS[index % 3]} thing like {thing}"))
                rows.extend((image, source, text) for source, text in texts)
                image += 1
    return rows


def reasons_of(rows):
    images, sources, texts = zip(*rows, strict=True)
    sample = pa.table({"text": texts, "source": sources, "language": ["en"] * len(texts)})
    config = LabelsConfig(clustering="none", max_image_share=1.0)
    entries = build_vocabulary(sample, np.array(images), config).dictionary.to_pylist()
    return {entry["term"]: entry["reason"] for entry in entries}


def test_names_of_sets_and_marks_of_styles_are_empty_and_what_is_seen_is_not():
    reasons = reasons_of(icons())
    assert {name: reasons[name] for name in ("iconmind", "material symbols")} == {
        "iconmind": "collection",
        "material symbols": "collection",
    }
    assert reasons["outline"] == reasons["sharp"] == "variant"
    assert [reasons[kind] for kind in KINDS] == [None] * 4
    assert [reasons[colour] for colour in COLOURS] == [None] * 3
    assert reasons[THINGS[0]] is None


def test_a_mark_of_variants_in_a_passage_of_its_own():
    hands = [f"{letter}{vowel}ving hand" for letter in "bcdfglmnprstw" for vowel in "aeo"]
    tones = ("medium skin tone", "medium light skin tone", "medium dark skin tone")
    texts = [text for hand in hands for text in (hand, *(f"{hand}: {tone}" for tone in tones))] * 4
    texts += [f"{colour} {shape}" for colour in COLOURS for shape in ("circle", "heart", "apple", "car")] * 8
    reasons = reasons_of([(image, "title", text) for image, text in enumerate(texts)])
    assert reasons["medium"] == "variant"
    assert reasons["hand"] is None
    assert reasons["red"] is None


def test_a_mark_of_few_things_of_all_kinds_is_one_and_a_thing_with_marks_is_none():
    styles = ("flatly", "boldly")
    drawn = [(thing, style) for index, thing in enumerate(THINGS) for style in styles[: 1 + index % 2]]
    texts = [*THINGS, *(f"{thing} {style}" for thing, style in drawn), *(f"{thing} boldly flatly" for thing in THINGS)]
    texts += [f"other{index} word{index % 700}" for index in range(9000)]  # 1.5% of all are more than a style marks
    things = [f"left{index}" for index in range(60)]
    texts += [*things, *(f"arrow {thing}" for thing in things)] * 2
    reasons = reasons_of([(image, "title", text) for image, text in enumerate(texts)])
    assert reasons["flatly"] == reasons["boldly"] == reasons["boldly flatly"] == "variant"
    assert reasons["arrow"] is None


def test_what_is_empty_in_one_language_is_empty_in_another():
    hands = [f"{letter}{vowel}ving hand" for letter in "bcdfglmnprstw" for vowel in "aeo"]
    texts = [text for hand in hands for text in (hand, f"{hand}: medium skin tone")] * 4
    rows = [(image, "title", text) for image, text in enumerate(texts)]
    rows += [(image, "alt_text", f"mediotono x{text[:3]}o") for image, text in enumerate(texts) if "tone" in text]
    rows += [(image, "alt_text", f"x{text[:3]}o") for image, text in enumerate(texts) if "tone" not in text]
    reasons = reasons_of(rows)
    assert reasons["medium skin tone"] == reasons["mediotono"] == "variant"
    assert reasons["xbavo"] is None
