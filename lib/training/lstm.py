"""A small LSTM that learns from the catalogue's own titles, without labels: what reading in order
adds to counting.

Pretrained Transformers are in `lib/encoders/text.py`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Self

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from lib.data.catalogue import Catalogue
from lib.encoders.base import count, digest_state
from lib.encoders.clean import TextReader
from lib.encoders.lexical import words
from lib.training.loop import train
from lib.training.objectives import objective
from lib.training.recipe import Recipe, seeded

LONGEST = 64  # words; titles are shorter
BATCH = 256  # titles
PADDING, UNKNOWN = 0, 1


class Lstm(TextReader):
    """A bidirectional LSTM over word vectors, averaged over the words, (n, dimensions).

    The objective is InfoNCE between two views of one text, in each of which a share `drop` of the
    words is hidden, against the other texts of the batch (as SimCSE, Gao et al. 2021, with hidden
    words for its dropout); equal texts count as one. Words that occur once in the catalogue stand
    for all unknown ones.
    """

    def __init__(
        self,
        *,
        dimensions: int = 128,
        drop: float = 0.5,
        epochs: int = 20,
        seed: int = 0,
        **reading: Any,
    ) -> None:
        super().__init__(**reading)
        if dimensions < 2 or dimensions % 2:
            raise ValueError(
                f"two directions share the dimensions: give an even number, got {dimensions}"
            )
        if not 0 < drop < 1:
            raise ValueError(f"drop is a share between 0 and 1, got {drop}: two views must differ")
        self._dimensions, self._drop = dimensions, drop
        self._recipe = Recipe(epochs=epochs, batch=BATCH, learning_rate=5e-3, seed=seed)
        self.name = f"lstm({self.reads},{dimensions},drop {drop},{epochs} epochs,seed {seed})"
        self._vocabulary: dict[str, int] = {}
        self._network = nn.ModuleDict()

    @property
    def state(self) -> str | None:
        """A hash of vocabulary and weights; None before `fit`."""
        return digest_state(self._network, self._vocabulary) if self._network else None

    @property
    def parameters(self) -> int:
        """How many weights were learned."""
        return count(self._network)

    def fit(self, catalogue: Catalogue) -> Self:
        """Learn vocabulary and weights. Raises ValueError where there is no text."""
        texts = [found for text in self.texts(catalogue) if (found := words(text))]
        if not texts:
            raise ValueError(
                f"{self.name}: catalogue {catalogue.name!r} has no words in {self.fields}"
            )
        times = Counter(word for text in texts for word in text)
        several = sorted(word for word in times if times[word] > 1)
        self._vocabulary = {word: n for n, word in enumerate(several, start=UNKNOWN + 1)}
        ids, lengths = self._numbered(texts)
        same = np.unique(ids.numpy(), axis=0, return_inverse=True)[1].ravel()
        labels, criterion = torch.as_tensor(same), objective("infonce")

        def loss(network: nn.Module, rows: Tensor, generator: Generator) -> Tensor:
            views = ids[rows].repeat(2, 1)  # (2b, t)
            drawn = torch.rand(views.shape, generator=generator) < self._drop
            hidden = views.masked_fill(drawn & (views != PADDING), UNKNOWN)
            vectors = read(network, hidden, lengths[rows].repeat(2))  # (2b, d)
            return criterion(vectors, labels[rows].repeat(2))

        network = build(len(self._vocabulary) + 2, self._dimensions, seed=self._recipe.seed)
        self._network = train(network, loss, range(len(ids)), self._recipe, name="lstm")
        return self

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, dimensions); zero where there is no word.

        Raises RuntimeError before `fit`.
        """
        if not self._network:
            raise RuntimeError(f"{self.name} has learned nothing yet; call fit(catalogue) first")
        texts = [words(text) for text in self.texts(catalogue)]
        vectors = np.zeros((len(texts), self._dimensions), np.float32)
        present = np.flatnonzero([bool(text) for text in texts])
        with torch.inference_mode():
            for first in range(0, len(present), BATCH):
                rows = present[first : first + BATCH]
                ids, lengths = self._numbered([texts[i] for i in rows])
                vectors[rows] = read(self._network, ids, lengths).numpy()
        return vectors

    def _numbered(self, texts: list[list[str]]) -> tuple[Tensor, Tensor]:
        """Word numbers, padded, (n, t), and how many words each text has, (n,)."""
        numbers = [
            torch.tensor([self._vocabulary.get(word, UNKNOWN) for word in text[:LONGEST]])
            for text in texts
        ]
        padded = pad_sequence(numbers, batch_first=True, padding_value=PADDING)
        return padded, torch.tensor([len(n) for n in numbers])


def build(vocabulary: int, dimensions: int, *, seed: int) -> nn.ModuleDict:
    """Word vectors and an LSTM over them, drawn by the seed without touching torch's own."""
    with seeded(seed):
        lstm = nn.LSTM(dimensions, dimensions // 2, batch_first=True, bidirectional=True)
        vectors = nn.Embedding(vocabulary, dimensions, PADDING)
        return nn.ModuleDict({"words": vectors, "lstm": lstm})


def read(network: nn.ModuleDict, ids: Tensor, lengths: Tensor) -> Tensor:
    """The mean of the LSTM's outputs over each text's words, (b, t), (b,) -> (b, d)."""
    packed = pack_padded_sequence(
        network["words"](ids), lengths, batch_first=True, enforce_sorted=False
    )
    # (b, t, d), zero where padded
    output, _ = pad_packed_sequence(network["lstm"](packed)[0], batch_first=True)
    return output.sum(1) / lengths.unsqueeze(1)
