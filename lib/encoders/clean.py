"""The text of products as text encoders read it: which fields, raw or cleaned.

How a text is cut into words is in `lexical.py`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

from lib.data.catalogue import Catalogue

HIDDEN = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")  # "<5 kg" and "a < b" are no tags
MARKS = re.compile("[©®℠™]")  # NFKC would turn ™ into the letters TM
# controls except white space, soft hyphen, zero-width blank, direction marks, byte-order mark; the
# joiners U+200C and U+200D stay, for Persian and Indic spelling needs them
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
)


def clean(text: str) -> str:
    """Text without HTML and control characters, in Unicode NFKC, its white space collapsed.

    Tags and entities are undone twice, for some feeds escape their markup once more.

    >>> clean("<p>Mug,<br/>350&nbsp;ml</p>")
    'Mug, 350 ml'
    """
    for _ in range(2):
        text = html.unescape(TAG.sub(" ", HIDDEN.sub(" ", text)))
    text = INVISIBLE.sub("", unicodedata.normalize("NFKC", MARKS.sub(" ", text)))
    return " ".join(text.split())


class TextReader:
    """What text encoders share: they read `fields`, raw or cleaned.

    `clean=True` puts each text through `clean`. It is off by default, because the published numbers
    that minilm is held to were measured on raw text.
    """

    modality = "text"

    def __init__(self, *, fields: Sequence[str] = ("title",), clean: bool = False) -> None:
        self.fields, self.clean = tuple(fields), clean
        self.reads = "+".join(self.fields) + (",clean" if clean else "")  # for the encoder's name

    def texts(self, catalogue: Catalogue) -> list[str]:
        """The text of each product, "" where it has none."""
        texts = catalogue.text(self.fields)
        return [clean(text) for text in texts] if self.clean else texts

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """Each product's text as bytes; None where it has none."""
        return [t.encode() if t.strip() else None for t in self.texts(catalogue)]
