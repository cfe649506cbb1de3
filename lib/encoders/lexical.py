"""Encoders that count words or characters; the catalogue gives them their vocabulary and weights.

Vectors of words, pretrained or learned, are in `word_vectors.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.encoders.clean import TextReader

CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"
RUNS = re.compile(rf"[{CJK}]+|[^\W{CJK}]+")


class Tfidf(TextReader):
    """TF-IDF vectors (n, vocabulary) as a csr_array, by scikit-learn's TfidfVectorizer.

    `analyzer="word"` counts words. Chinese, Japanese and Korean are written without blanks: they
    are cut into overlapping pairs of characters, as Lucene's CJKAnalyzer does. `analyzer="char"`
    counts runs of `ngrams` characters, blanks included; "char_wb" counts runs inside words padded
    with blanks. `sublinear` counts a term 1 + log(times). Text is lower-cased and normalised by
    Unicode NFKC. `reading`: see `TextReader`.
    """

    state = None  # faster than reading it back from a disk

    def __init__(
        self,
        *,
        analyzer: str = "word",
        ngrams: tuple[int, int] | None = None,
        sublinear: bool = False,
        **reading: Any,
    ) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        super().__init__(**reading)
        if analyzer not in ("word", "char", "char_wb"):
            raise ValueError(f'analyzer is "word", "char" or "char_wb", got {analyzer!r}')
        low, high = ngrams or ((1, 1) if analyzer == "word" else (3, 3))
        how = ",sublinear" if sublinear else ""
        self.name = f"tfidf({self.reads},{analyzer},{low}-{high}{how})"
        options = {"analyzer": analyzer, "preprocessor": normalise}
        if analyzer == "word":
            options = {"tokenizer": words, "token_pattern": None, "lowercase": False}
        self._vectoriser = TfidfVectorizer(
            ngram_range=(low, high), sublinear_tf=sublinear, dtype=np.float32, **options
        )

    def fit(self, train: Catalogue) -> Self:
        """Learn the vocabulary and how rare each term is.

        Raises ValueError where there is no text.
        """
        texts = self.texts(train)
        if not any(text.strip() for text in texts):
            raise ValueError(f"{self.name}: catalogue {train.name!r} has no text in {self.fields}")
        self._vectoriser.fit(texts)
        return self

    @property
    def parameters(self) -> int:
        """One weight a term."""
        return len(getattr(self._vectoriser, "vocabulary_", ()))

    def encode(self, catalogue: Catalogue) -> csr_array:
        """Vectors (n, vocabulary). Raises RuntimeError before `fit`."""
        return counted(self._vectoriser, self.texts(catalogue), self.name)


class Lsa:
    """Latent semantic analysis (Deerwester et al. 1990): TF-IDF in fewer, dense dimensions.

    scikit-learn's TruncatedSVD keeps the directions in which the catalogue's texts differ most, so
    that terms which occur in the same texts count as alike. Vectors are (n, dimensions), fewer for
    a small catalogue. `counting` are the options of `Tfidf`.
    """

    modality = "text"
    state = None  # a sparse product, faster than a disk

    def __init__(self, *, dimensions: int = 128, seed: int = 0, **counting: Any) -> None:
        self._tfidf, self._dimensions, self._seed = Tfidf(**counting), dimensions, seed
        self.name = f"lsa({dimensions},seed {seed},{self._tfidf.name})"
        self.contents = self._tfidf.contents
        self._svd = None

    def fit(self, train: Catalogue) -> Self:
        """Learn the vocabulary and the directions. Raises ValueError where there is no text."""
        from sklearn.decomposition import TruncatedSVD

        counts = self._tfidf.fit(train).encode(train)
        dimensions = min(self._dimensions, *counts.shape)
        self._svd = TruncatedSVD(dimensions, random_state=self._seed).fit(counts)
        return self

    @property
    def parameters(self) -> int:
        """One weight a term, and a term's share in each direction."""
        return self._tfidf.parameters + (self._svd.components_.size if self._svd else 0)

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, dimensions); zero where no term is known.

        Raises RuntimeError before `fit`.
        """
        counts = self._tfidf.encode(catalogue)
        directions = self._svd.components_.T
        return np.asarray(counts @ directions, np.float32)  # (n, v) @ (v, d) -> (n, d)


def counted(vectoriser: Any, rows: Sequence, name: str) -> csr_array:
    """What a vectoriser of scikit-learn makes of texts or dicts, (n, vocabulary).

    Raises RuntimeError where it is not fitted.
    """
    if not hasattr(vectoriser, "vocabulary_"):
        raise RuntimeError(f"{name} has no vocabulary yet; call fit(catalogue) first")
    if not rows:  # which scikit-learn refuses
        return csr_array((0, len(vectoriser.vocabulary_)), dtype=np.float32)
    return csr_array(vectoriser.transform(rows))


def normalise(text: str) -> str:
    """Unicode NFKC and lower case: full-width letters and ligatures count as the plain ones."""
    return unicodedata.normalize("NFKC", text).lower()


def words(text: str) -> list[str]:
    """The words of a text; a run of Chinese, Japanese or Korean gives its overlapping pairs.

    >>> words("AHC水乳套装 24K")
    ['ahc', '水乳', '乳套', '套装', '24k']
    """
    found: list[str] = []
    for run in RUNS.findall(normalise(text)):
        if len(run) > 1 and re.match(f"[{CJK}]", run):
            found += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            found.append(run)
    return found
