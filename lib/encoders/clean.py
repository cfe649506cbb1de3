"""The text of products as text encoders read it: which fields, cleaned or as the shop wrote them."""

from __future__ import annotations

import functools
import html
import re
import unicodedata
from collections.abc import Sequence

from lib.catalogue import Catalogue

HIDDEN = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")  # "<5 kg" and "a < b" are no tags
MARKS = re.compile("[©®℠™]")  # NFKC would write TM behind the name
# invisible: controls except white space, soft hyphen, zero-width blank, direction marks, byte-order mark; the joiners
# U+200C and U+200D stay, for Persian and Indic spelling needs them
INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
WORD = re.compile(r"\w+(?:['’]\w+)*")


def clean(text: str, *, stop_words: bool = False) -> str:
    """Text without HTML, in Unicode NFKC, without control characters, its white space collapsed.

    Tags and entities are undone twice, as feeds escape their markup once more. `stop_words=True` takes out the words
    of scikit-learn's English list (which holds "fire" and "system" too); other scripts have none in it and stay whole.
    """
    for _ in range(2):
        text = html.unescape(TAG.sub(" ", HIDDEN.sub(" ", text)))
    text = INVISIBLE.sub("", unicodedata.normalize("NFKC", MARKS.sub(" ", text)))
    if stop_words:
        text = WORD.sub(lambda word: "" if word[0].lower() in _english() else word[0], text)
    return " ".join(text.split())


@functools.cache
def _english() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return ENGLISH_STOP_WORDS


class TextReader:
    """What text encoders share: they read `fields`, as they stand or cleaned.

    `clean=True` puts each text through `clean`; it is off by default because the published numbers that minilm is
    held to were measured on raw text, and models bring a tokenizer for it. `stop_words=True` cleans and takes
    English stop words out.
    """

    modality = "text"

    def __init__(self, *, fields: Sequence[str] = ("title",), clean: bool = False, stop_words: bool = False) -> None:
        self.fields = tuple(fields)
        self._clean, self._stop_words = clean or stop_words, stop_words
        how = ",no stop words" if stop_words else ",clean" if clean else ""
        self.reads = "+".join(self.fields) + how  # for the encoder's name

    def texts(self, catalogue: Catalogue) -> list[str]:
        """The text of each product, "" where it has none."""
        texts = catalogue.text(self.fields)
        return [clean(t, stop_words=self._stop_words) for t in texts] if self._clean else texts

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """Each product's text as bytes; None where it has none."""
        return [t.encode() if t.strip() else None for t in self.texts(catalogue)]
