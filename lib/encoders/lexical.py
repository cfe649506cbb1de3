"""Encoders that count words or characters; they learn their vocabulary and its weights from the catalogue."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from lib.catalogue import Catalogue
from lib.encoders.base import text_contents

CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"
RUNS = re.compile(rf"[{CJK}]+|[^\W{CJK}]+")


class Tfidf:
    """TF-IDF vectors (n, vocabulary) as a csr_array, by scikit-learn's TfidfVectorizer.

    `analyzer="word"` counts words; Chinese, Japanese and Korean, written without blanks, are cut into
    overlapping pairs of characters, as Lucene's CJKAnalyzer does. `analyzer="char"` counts runs of `ngrams`
    characters, blanks included, "char_wb" only runs inside words padded with blanks. `sublinear` counts a
    term 1 + log(times). Text is lower-cased and normalised by Unicode NFKC.
    """

    modality = "text"
    state = None  # faster than reading it back from a disk

    def __init__(
        self,
        *,
        fields: Sequence[str] = ("title",),
        analyzer: str = "word",
        ngrams: tuple[int, int] | None = None,
        sublinear: bool = False,
    ) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        if analyzer not in ("word", "char", "char_wb"):
            raise ValueError(f'analyzer is "word", "char" or "char_wb", got {analyzer!r}')
        low, high = ngrams or ((1, 1) if analyzer == "word" else (3, 3))
        self.fields = tuple(fields)
        self.name = f"tfidf({'+'.join(self.fields)},{analyzer},{low}-{high}{',sublinear' if sublinear else ''})"
        if analyzer == "word":
            options = {"tokenizer": words, "token_pattern": None, "lowercase": False}
        else:
            options = {"analyzer": analyzer, "preprocessor": normalise}
        self._vectoriser = TfidfVectorizer(ngram_range=(low, high), sublinear_tf=sublinear, dtype=np.float32, **options)
        self._fitted = False

    def fit(self, train: Catalogue) -> Self:
        """Learn the vocabulary and how rare each term is. Raises ValueError where there is no text."""
        texts = train.text(self.fields)
        if not any(t.strip() for t in texts):
            raise ValueError(f"{self.name}: catalogue {train.name!r} has no text in {self.fields}")
        self._vectoriser.fit(texts)
        self._fitted = True
        return self

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """Each product's text."""
        return text_contents(catalogue, self.fields)

    def encode(self, catalogue: Catalogue) -> csr_array:
        """Vectors (n, vocabulary). Raises RuntimeError before `fit`."""
        if not self._fitted:
            raise RuntimeError(f"{self.name} has no vocabulary yet; call fit(catalogue) first")
        if not len(catalogue):  # which scikit-learn refuses
            return csr_array((0, len(self._vectoriser.vocabulary_)), dtype=np.float32)
        return csr_array(self._vectoriser.transform(catalogue.text(self.fields)))


def normalise(text: str) -> str:
    """Unicode NFKC and lower case: full-width letters and ligatures count as the plain ones."""
    return unicodedata.normalize("NFKC", text).lower()


def words(text: str) -> list[str]:
    """The words of a text; a run of Chinese, Japanese or Korean characters gives its overlapping pairs."""
    found: list[str] = []
    for run in RUNS.findall(normalise(text)):
        if len(run) > 1 and re.match(f"[{CJK}]", run):
            found += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            found.append(run)
    return found
