"""Raw text to normalised tokens, a batch at a time.

Words are NFKC-normalised and case-folded. Hyphens, underscores and apostrophes part words inside a phrase;
other punctuation and symbols end the phrase (they leave a BREAK token, which no dictionary term contains).
Scripts that are written without spaces (Han, Hiragana, Thai, Lao, Khmer, Burmese) yield one token per
character, so that a word of theirs is an n-gram of characters; runs of Katakana and Hangul stay whole.
"""

import functools
import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.labels.arrays import row_of_each, to_offsets

__all__ = [
    "BREAK",
    "MAX_TEXT_BYTES",
    "TokenBatch",
    "is_too_long",
    "is_unspaced",
    "join_term",
    "normalise",
    "normalise_terms",
    "tokenise",
]

BREAK = "\x01"
MAX_TEXT_BYTES = 1 << 16  # of one text; what lies beyond is not read (a caption is far shorter, a dump is noise)

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_IGNORED = r"[\p{Cf}\x{FE0E}\x{FE0F}\x{0640}\x{064B}-\x{0652}\x{0307}]"  # format, variation, tatweel, harakat
_PARTING = r"[\s\p{Cc}\-_'\u{2019}\u{2018}\u{02BC}\u{2010}\u{2011}&&[^ ]]"  # a space need not be replaced by one
_BREAKING = r"[^\p{L}\p{M}\p{N}\s\x{01}]+"
_SPACED_CHARACTER = f"({_UNSPACED}\\p{{M}}*)"
_SEPARATOR = "\x00"


def _ascii_table() -> bytes:
    table = bytearray(BREAK.encode() * 256)
    for code in range(256):
        character = chr(code)
        if code >= 128 or character.islower() or character.isdigit():
            table[code] = code
        elif character.isupper():
            table[code] = code + 32
        elif character.isspace() or code < 32 or code == 127 or character in "-_'":
            table[code] = 32
    return bytes(table)


_ASCII_TABLE = _ascii_table()


@dataclass(frozen=True, kw_only=True)
class TokenBatch:
    """Tokens of B texts laid end to end; text i owns tokens[offsets[i] : offsets[i + 1]]."""

    tokens: pa.Array  # string [T]
    offsets: np.ndarray  # int64 [B + 1]

    @property
    def lengths(self) -> np.ndarray:
        """int64 [B], tokens of each text."""
        return np.diff(self.offsets)

    @property
    def text_of_token(self) -> np.ndarray:
        """int64 [T], the text that each token is of."""
        return row_of_each(self.lengths)

    def select(self, texts: np.ndarray) -> "TokenBatch":
        """The batch of some texts, by a mask (bool [B])."""
        lengths, is_kept = self.lengths, texts[self.text_of_token]
        return TokenBatch(tokens=self.tokens.filter(pa.array(is_kept)), offsets=to_offsets(lengths[texts]))


@functools.cache
def _latin_table() -> tuple[np.ndarray, np.ndarray]:
    """What the characters U+0080 to U+00FF fold to (uint8 [128, 2]), and which of them (bool) do so in two bytes."""
    folded = _fold_unicode(pa.array([chr(code) for code in range(128, 256)])).to_pylist()
    pairs = [{f" {BREAK} ": BREAK * 2, " ": "  "}.get(text, text).encode() for text in folded]
    table = np.array([tuple(pair) if len(pair) == 2 else (0, 0) for pair in pairs], dtype=np.uint8)
    return table, np.array([len(pair) == 2 for pair in pairs])


def _fold_latin(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Folds texts of ASCII and Latin-1 characters in place, byte by byte; the mask tells which others are left."""
    _, offset_buffer, data = texts.buffers()
    raw = bytearray(data or b"")
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    before, folded = np.frombuffer(raw, dtype=np.uint8), np.frombuffer(raw.translate(_ASCII_TABLE), np.uint8)
    lead = offsets[0] + np.flatnonzero(before[offsets[0] : offsets[-1]] >= 0xC2)
    text = np.searchsorted(offsets, lead, side="right") - 1
    table, is_foldable = _latin_table()
    code = (before[lead].astype(np.int64) - 0xC2) * 64 + (before[lead + 1] & 63)
    code, is_latin = np.minimum(code, 127), code < 128
    is_left, has_latin = np.zeros(len(texts), dtype=bool), np.zeros(len(texts), dtype=bool)
    is_left[text[~(is_latin & is_foldable[code])]] = True
    has_latin[text] = True
    folded[lead], folded[lead + 1] = table[code, 0], table[code, 1]
    _join_breaks(folded, offsets, has_latin)
    array = pa.LargeStringArray.from_buffers(len(texts), offset_buffer, pa.py_buffer(folded), None, 0, texts.offset)
    return pc.replace_substring(array, BREAK, f" {BREAK} "), is_left


def _join_breaks(folded: np.ndarray, offsets: np.ndarray, is_joined: np.ndarray) -> None:
    """Blanks all but the first of adjacent breaks of a text."""
    position = np.flatnonzero(folded == ord(BREAK))
    position = position[1:][np.diff(position) == 1]
    text = np.searchsorted(offsets, position, side="right") - 1
    is_inside = (text >= 0) & (text < len(is_joined)) & (position > offsets[text])
    position = position[is_inside]
    folded[position[is_joined[text[is_inside]]]] = ord(" ")


def _fold_unicode(texts: pa.Array) -> pa.Array:
    joined = _SEPARATOR.join(text.replace(_SEPARATOR, " ") for text in texts.to_pylist())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", joined).casefold())
    series = pl.Series(folded.split(_SEPARATOR), dtype=pl.String)
    series = (
        series.str.replace_all(_IGNORED, "")
        .str.replace_all(_PARTING, " ")
        .str.replace_all(_BREAKING, f" {BREAK} ")
        .str.replace_all(_SPACED_CHARACTER, " $1 ")
    )
    return series.to_arrow().cast(pa.large_string())


def normalise(texts: pa.Array) -> pa.Array:
    """Folds a batch of texts; tokens are separated by whitespace, phrases by BREAK tokens.

    Args:
        texts: String array; null counts as empty.

    Returns:
        large_string array of the same length, without nulls.
    """
    texts = pc.fill_null(texts.cast(pa.large_string()), "")
    if pc.any(is_too_long(texts)).as_py():
        texts = _truncate(texts)
    folded, is_left = _fold_latin(texts)
    if not is_left.any():
        return folded
    parts = pa.concat_arrays([folded, _fold_unicode(texts.filter(pa.array(is_left)))])
    order = np.where(is_left, len(texts) + np.cumsum(is_left) - 1, np.arange(len(texts)))
    return parts.take(pa.array(order))


def _truncate(texts: pa.Array) -> pa.Array:
    long = is_too_long(texts)
    whole = (text.encode()[:MAX_TEXT_BYTES] for text in texts.filter(long).to_pylist())
    cut = [text.decode(errors="ignore") for text in whole]  # no half of a character is left
    return pc.replace_with_mask(texts, long, pa.array(cut, pa.large_string()))


def is_too_long(texts: pa.Array) -> pa.Array:
    """bool: which texts are read to MAX_TEXT_BYTES only; null counts as empty."""
    return pc.greater(pc.fill_null(pc.binary_length(texts), 0), MAX_TEXT_BYTES)


def tokenise(texts: pa.Array) -> TokenBatch:
    """Normalises a batch of texts and splits it into tokens (BREAK tokens included)."""
    trimmed = pc.ascii_trim_whitespace(normalise(texts))
    lists = pc.ascii_split_whitespace(trimmed)
    values = lists.flatten()
    lengths = lists.value_lengths().to_numpy(zero_copy_only=False)
    is_empty = pc.equal(pc.binary_length(trimmed), 0).to_numpy(zero_copy_only=False)
    if is_empty.any():  # the split of an empty text is one empty token
        values = values.filter(pc.greater(pc.binary_length(values), 0))
        lengths = np.where(is_empty, 0, lengths)
    return TokenBatch(tokens=values, offsets=to_offsets(lengths))


def join_term(tokens: list[str]) -> str:
    """The readable form of a term: words with spaces, characters of unspaced scripts without."""
    text = ""
    for token in tokens:
        needs_space = bool(text) and not (is_unspaced(text[-1]) or is_unspaced(token[0]))
        text += f" {token}" if needs_space else token
    return text


def is_unspaced(character: str) -> bool:
    """Whether its script is written without spaces (Katakana counts: it mixes with Hiragana)."""
    code = ord(character)
    return (
        0x3040 <= code <= 0x30FF
        or 0x3400 <= code <= 0x9FFF
        or 0x0E00 <= code <= 0x0EFF
        or 0x1000 <= code <= 0x109F
        or 0x1780 <= code <= 0x17FF
        or 0x20000 <= code <= 0x3FFFF
    )


def normalise_terms(phrases: Sequence[str]) -> list[tuple[str, ...]]:
    """The tokens of each phrase, without BREAK tokens; none for a phrase without words."""
    batch = tokenise(pa.array(phrases, pa.string()))
    tokens, bounds = batch.tokens.to_pylist(), batch.offsets.tolist()
    rows = (tokens[start:end] for start, end in itertools.pairwise(bounds))
    return [tuple(token for token in row if token != BREAK) for row in rows]
