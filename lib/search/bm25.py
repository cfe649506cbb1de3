"""BM25 over an inverted index, by bm25s: from a query's words to a `Ranking`.

Vectors of words are in `encoders/lexical.py`.
"""

from __future__ import annotations

import difflib
import functools
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.encoders.clean import TextReader
from lib.encoders.lexical import words
from lib.search.exact import Ranking, checked_exclude, rank_blocks

# difflib's similarity from which a word passes for a misspelling: one error in four letters
NEAR = 0.75


class Bm25(TextReader):
    """Okapi BM25 (Robertson et al. 1994) in Lucene's form, over the same words as the encoder
    `tfidf`.

    A product scores the sum, over the query's words, of ln(1 + (n - df + .5) / (df + .5)) · tf /
    (tf + k1 (1 - b + b · length / mean length)): n products, df with the word, tf times in this
    one. `k1` says how much a repeated word counts. `b` says how much long texts lose.
    `spelling=True` replaces a query's word that no product has by the nearest word that one has;
    words with digits stay. `reading`: see `TextReader`. Queries are read by the same fields as
    products; most have a title only.
    """

    def __init__(
        self, *, k1: float = 1.2, b: float = 0.75, spelling: bool = False, **reading: Any
    ) -> None:
        super().__init__(**reading)
        if k1 < 0 or not 0 <= b <= 1:
            raise ValueError(f"k1 is at least 0 and b from 0 to 1, got {k1} and {b}")
        self.name = f"bm25({self.reads},k1 {k1:g},b {b:g}{',spelling' if spelling else ''})"
        self.k1, self.b, self._spelling = k1, b, spelling
        self._index: Any = None

    def fit(self, corpus: Catalogue) -> Self:
        """Index a catalogue. Raises ValueError where there is no text."""
        import bm25s

        tokens = [words(text) for text in self.texts(corpus)]
        if not any(tokens):
            raise ValueError(f"{self.name}: catalogue {corpus.name!r} has no text in {self.fields}")
        self._index = bm25s.BM25(k1=self.k1, b=self.b, method="lucene")
        self._index.index(tokens, show_progress=False)
        self._size = len(corpus)
        self._near = functools.cache(self._nearest)
        return self

    def search(self, queries: Catalogue, k: int, *, exclude: csr_array | None = None) -> Ranking:
        """The k best products of the indexed catalogue for every query, equal scores in corpus
        order.

        Products without any of the query's words are never found. `exclude` (q, n) marks candidates
        that do not count. Raises RuntimeError before `fit`.
        """
        if self._index is None:
            raise RuntimeError(f"{self.name} has no index yet; call fit(corpus) first")
        exclude = checked_exclude(exclude, k, (len(queries), self._size))
        asked = [self._known(text) for text in self.texts(queries)]

        def scores(rows: slice) -> np.ndarray:
            values = np.stack([self._scores(tokens) for tokens in asked[rows]])  # (b, n)
            return np.where(values > 0, values, -np.inf)

        return rank_blocks(self.name, scores, k, exclude)

    def _known(self, text: str) -> list[str]:
        found = [self._near(w) if self._spelling else w for w in words(text)]
        return [w for w in found if w in self._index.vocab_dict]

    def _nearest(self, word: str) -> str:
        known = self._index.vocab_dict
        # the nearest of an unknown number is another number
        if word in known or not word.isalpha():
            return word
        return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=NEAR)), word)

    def _scores(self, tokens: list[str]) -> np.ndarray:
        return self._index.get_scores(tokens) if tokens else np.zeros(self._size, np.float32)
