"""Texts as the mean of fixed vectors: word2vec learned here, GloVe from a file, model2vec's models.

For the first two, words are cut as `lexical.py` cuts them: Chinese into overlapping pairs of
characters. A model of model2vec brings its own tokenizer, which cuts words into pieces.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Self

import numpy as np

from lib.data.catalogue import Catalogue
from lib.encoders.base import digest_files, require
from lib.encoders.clean import TextReader
from lib.encoders.lexical import words
from lib.encoders.text import PretrainedText
from lib.files import find_weights

Table = tuple[dict[str, int], np.ndarray]  # each word's row, and the vectors (words, d)


class WordVectors(TextReader):
    """What both share: the mean of the vectors of a text's known words, (n, d); zero for none."""

    table: Table | None = None

    @property
    def parameters(self) -> int:
        """How many numbers the words' vectors hold."""
        return self.table[1].size if self.table else 0

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, d). Raises RuntimeError where there is nothing learned yet."""
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.preprocessing import normalize

        if self.table is None:
            raise RuntimeError(f"{self.name} has learned nothing yet; call fit(catalogue) first")
        rows, vectors = self.table
        if not len(catalogue):  # which scikit-learn refuses
            return np.zeros((0, vectors.shape[1]), np.float32)
        counter = CountVectorizer(analyzer=words, vocabulary=rows, dtype=np.float32)
        shares = normalize(counter.transform(self.texts(catalogue)), norm="l1")  # rows sum to 1
        return shares @ vectors  # (n, words) @ (words, d) -> (n, d)


class Word2Vec(WordVectors):
    """Skip-grams with negative sampling (Mikolov et al. 2013), learned by gensim from the texts.

    Small catalogues need many `epochs`. Training takes one thread, so that the seed fixes the
    result.
    """

    state = None  # a sparse product, faster than a disk

    def __init__(
        self,
        *,
        dimensions: int = 100,
        epochs: int = 30,
        window: int = 5,
        seed: int = 0,
        **reading: Any,
    ) -> None:
        require("gensim", '-e ".[words]"')
        super().__init__(**reading)
        self._options = {"vector_size": dimensions, "epochs": epochs, "window": window}
        self._seed = seed
        settings = f"{dimensions},{epochs} epochs,window {window},seed {seed}"
        self.name = f"word2vec({self.reads},{settings})"

    def fit(self, train: Catalogue) -> Self:
        """Learn the words' vectors. Raises ValueError where there is no text."""
        from gensim.models import Word2Vec as Gensim

        sentences = [found for text in self.texts(train) if (found := words(text))]
        if not sentences:
            raise ValueError(f"{self.name}: catalogue {train.name!r} has no words in {self.fields}")
        learned = Gensim(
            sentences, sg=1, min_count=1, workers=1, seed=self._seed, **self._options
        ).wv
        self.table = learned.key_to_index, learned.vectors
        return self


class Glove(WordVectors):
    """Pretrained vectors from a text file, in the form of GloVe, fastText and word2vec.

    One word and its numbers a line (Pennington et al. 2014), with or without a first line of
    counts. `file` is a path, or lies in a `weights` folder beside the data sets.
    """

    def __init__(self, file: str | Path, **reading: Any) -> None:
        super().__init__(**reading)
        self._file = find_weights(file)
        self.name = f"glove:{self._file.stem}({self.reads})"

    @functools.cached_property
    def state(self) -> str:
        """A hash of the file."""
        return digest_files([self._file])

    @functools.cached_property
    def table(self) -> Table:  # type: ignore[override]
        """The words and their vectors. Raises ValueError naming a line that does not fit."""
        return read_word_vectors(self._file)

    def fit(self, train: Catalogue) -> Self:
        """Nothing to learn."""
        return self


class StaticEncoder(PretrainedText):
    """Word pieces' vectors, distilled from a sentence encoder and averaged, (n, d).

    `model` is a folder or hub name of the library model2vec (Tulkens and van Dongen 2024), whose
    configuration says where a text is cut. A text whose every piece is unknown gives zeros.
    """

    kind = "static model"
    state = None  # tokenizing again is faster than a disk

    def __init__(self, model: str | Path, **reading: Any) -> None:
        require("model2vec")
        super().__init__(model, **reading)
        self.name = f"model2vec:{Path(model).name}({self.reads})"

    @functools.cached_property
    def model(self) -> Any:
        """The table of vectors and its tokenizer. Raises RuntimeError where the folder has none."""
        from model2vec import StaticModel
        from safetensors import SafetensorError

        try:
            return StaticModel.from_pretrained(self.folder)
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise RuntimeError(f"{self.folder} holds no {self.kind} that loads: {error}") from error

    @property
    def dimensions(self) -> int:  # type: ignore[override]
        """How long a piece's vector is."""
        return self.model.dim

    @property
    def parameters(self) -> int:
        """How many numbers the pieces' vectors hold."""
        return self.model.embedding.size

    def _vectors(self, texts: list[str]) -> np.ndarray:
        return self.model.encode(texts)


def read_word_vectors(path: Path) -> Table:
    """Words and vectors (words, d) of a text file; of a word that stands twice the first counts."""
    rows: dict[str, int] = {}
    vectors: list[np.ndarray] = []
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline().split()
        counted = len(first) == 2  # "400000 300": the words and the dimensions
        dimensions = int(first[1]) if counted else len(first) - 1
        if not counted:
            file.seek(0)
        for number, line in enumerate(file, 1 + counted):
            word, *numbers = line.rstrip().rsplit(" ", dimensions)  # some words hold blanks
            try:
                vector = np.array(numbers, np.float32).reshape(dimensions)
            except ValueError as error:
                raise ValueError(
                    f"{path}: line {number} must be a word and {dimensions} numbers ({error}); "
                    "take it out"
                ) from error
            if word not in rows:
                rows[word] = len(vectors)
                vectors.append(vector)
    return rows, np.stack(vectors)
