"""Texts as the mean of their words' vectors: word2vec learned from the catalogue, GloVe read from its file.

Both need gensim, the extra `words`. Words are cut as `lexical.py` cuts them, Chinese into pairs of characters.
"""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lib.catalogue import Catalogue
from lib.encoders.base import digest_files, require
from lib.encoders.clean import TextReader
from lib.encoders.lexical import words
from lib.files import find_weights

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

INSTALL = '-e ".[words]"'


class WordVectors(TextReader):
    """What both share: the mean of the vectors of a text's known words, (n, d); zero where none is known.

    `idf=True` weighs each word by how rare it is in the catalogue that the encoder was fitted to.
    """

    name: str

    def __init__(self, *, idf: bool = False, **reading: Any) -> None:
        super().__init__(**reading)
        self._idf = idf
        self._weigher: Any = None

    @property
    def vectors(self) -> KeyedVectors:
        """The words and their vectors."""
        raise TypeError(f"{type(self).__name__} must say where its vectors come from")

    @property
    def parameters(self) -> int:
        """How many numbers the words' vectors hold."""
        return self.vectors.vectors.size

    def _weigh(self, texts: list[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        options = {"tokenizer": words, "token_pattern": None, "lowercase": False, "dtype": np.float32}
        vocabulary = self.vectors.key_to_index
        # rows that sum to 1 make the product with the vectors a weighted mean
        self._weigher = TfidfVectorizer(vocabulary=vocabulary, use_idf=self._idf, norm="l1", **options).fit(texts)

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, d). Raises RuntimeError before `fit` where something is to be learned."""
        if self._weigher is None:
            raise RuntimeError(f"{self.name} has learned nothing yet; call fit(catalogue) first")
        if not len(catalogue):  # which scikit-learn refuses
            return np.zeros((0, self.vectors.vector_size), np.float32)
        return self._weigher.transform(self.texts(catalogue)) @ self.vectors.vectors  # (n, v) @ (v, d)


class Word2Vec(WordVectors):
    """Skip-grams with negative sampling (Mikolov et al. 2013) by gensim, learned from the catalogue's texts.

    Small catalogues need many `epochs`. One thread, so that the seed fixes the result.
    """

    state = None  # a sparse product, faster than a disk

    def __init__(
        self, *, dimensions: int = 100, epochs: int = 30, window: int = 5, idf: bool = False, seed: int = 0, **reading: Any
    ) -> None:
        require("gensim", INSTALL)
        super().__init__(idf=idf, **reading)
        self._options = {"vector_size": dimensions, "epochs": epochs, "window": window, "seed": seed}
        weighing = ",idf" if idf else ""
        self.name = f"word2vec({self.reads},{dimensions},{epochs} epochs,window {window}{weighing},seed {seed})"
        self._vectors: KeyedVectors | None = None

    @property
    def vectors(self) -> KeyedVectors:
        """The words and their vectors, once learned."""
        if self._vectors is None:
            raise RuntimeError(f"{self.name} has learned nothing yet; call fit(catalogue) first")
        return self._vectors

    @property
    def parameters(self) -> int:
        """How many numbers the words' vectors hold; none before `fit`."""
        return 0 if self._vectors is None else super().parameters

    def fit(self, train: Catalogue) -> Self:
        """Learn the words' vectors. Raises ValueError where there is no text."""
        from gensim.models import Word2Vec as Gensim

        texts = [t for t in self.texts(train) if t.strip()]
        sentences = [found for text in texts if (found := words(text))]
        if not sentences:
            raise ValueError(f"{self.name}: catalogue {train.name!r} has no words in {self.fields}")
        self._vectors = Gensim(sentences, sg=1, min_count=1, workers=1, **self._options).wv
        self._weigh(texts)
        return self


class Glove(WordVectors):
    """Pretrained vectors from a text file, as GloVe (Pennington et al. 2014), fastText and word2vec give them.

    One word and its numbers a line, with or without a first line of counts. `file` is a path or lies in a
    `weights` folder beside the data sets. Only `idf=True` has something to learn from a catalogue.
    """

    def __init__(self, file: str | Path, *, idf: bool = False, **reading: Any) -> None:
        require("gensim", INSTALL)
        super().__init__(idf=idf, **reading)
        self._file = find_weights(file)
        self._learned = ""
        self.name = f"glove:{self._file.stem}({self.reads}{',idf' if idf else ''})"

    @property
    def state(self) -> str:
        """A hash of the file, and of the texts that the weights come from."""
        return self._digest + self._learned

    @functools.cached_property
    def _digest(self) -> str:
        return digest_files([self._file])

    @functools.cached_property
    def vectors(self) -> KeyedVectors:  # type: ignore[override]
        """The words and their vectors. Raises ValueError naming a line that does not fit."""
        from gensim.models import KeyedVectors

        with self._file.open(encoding="utf-8", errors="replace") as file:
            headed = re.fullmatch(r"\d+ \d+", file.readline().strip()) is not None
        try:
            return KeyedVectors.load_word2vec_format(self._file, binary=False, no_header=not headed)
        except (ValueError, EOFError) as error:
            raise ValueError(f"{self._file}: {_bad_line(self._file, headed) or error}") from error

    def fit(self, train: Catalogue) -> Self:
        """Learn how rare words are, where `idf` asks for it."""
        if self._idf:
            texts = self.texts(train)
            self._weigh(texts)
            self._learned = hashlib.sha256("\0".join(texts).encode()).hexdigest()
        return self

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, d). Raises RuntimeError before `fit` where `idf` asks for it."""
        if self._weigher is None and not self._idf:
            self._weigh([""])
        return super().encode(catalogue)


def _bad_line(path: Path, headed: bool) -> str:
    """What is wrong with the first line that is not a word and as many numbers as the others have; "" if none is."""
    expected = None
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if headed and number == 1:
                continue
            parts = line.rstrip().split(" ")
            expected = expected or len(parts)
            if len(parts) != expected:
                return f"line {number} has {len(parts) - 1} numbers, the first has {expected - 1}; take it out"
            try:
                [float(part) for part in parts[1:]]
            except ValueError as error:
                return f"line {number} must be a word and {expected - 1} numbers ({error}); take it out"
    return ""
