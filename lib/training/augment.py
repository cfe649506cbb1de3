"""Augmentation: another text or photo that a seller could have given of the same product.

What augmented views are trained against is in `towers.py` and `selfsupervised.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.sparse import eye_array
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from lib.encoders.embeddings import Embeddings
from lib.encoders.lexical import CJK, normalise, words
from lib.encoders.text import TextEncoder
from lib.search.exact import search
from lib.training.recipe import seeded

# a word with its punctuation, or one Chinese character
PIECES = re.compile(rf"[{CJK}]|[^\s{CJK}]+")
Noise = Callable[[str, np.random.Generator], str]
SHARED = 8  # photos that share one draw: a draw for each takes torchvision three times as long


@dataclass(frozen=True)
class TextNoise:
    """Words dropped, swapped with the next, or replaced by a neighbour, each with its probability
    per word.

    `neighbours` gives the words that may stand for a word (see `nearest_words`). At least one word
    always stays.
    """

    drop: float = 0.0
    swap: float = 0.0
    replace: float = 0.0
    neighbours: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _shares(drop=self.drop, swap=self.swap, replace=self.replace)
        if self.replace and not self.neighbours:
            raise ValueError(
                "replace needs neighbours: give those of nearest_words(words, vectors)"
            )

    def __call__(self, text: str, rng: np.random.Generator) -> str:
        """Another wording of one text; the same state of the generator gives the same."""
        pieces = PIECES.findall(text)
        if not pieces:
            return text
        drop, swap, replace = rng.random((3, len(pieces)))
        kept = np.flatnonzero(drop >= self.drop)
        if not len(kept):
            kept = [drop.argmax()]
        for i in kept:
            if replace[i] < self.replace:
                pieces[i] = self._neighbour(pieces[i], rng)
        pieces = [pieces[i] for i in kept]
        for i in range(len(pieces) - 1):
            if swap[i] < self.swap:
                pieces[i], pieces[i + 1] = pieces[i + 1], pieces[i]
        # Chinese characters stand without a blank between
        return re.sub(f"(?<=[{CJK}]) (?=[{CJK}])", "", " ".join(pieces))

    def _neighbour(self, piece: str, rng: np.random.Generator) -> str:
        near = self.neighbours.get(normalise(piece).strip(" .,;:!?()[]/-"))
        return str(near[rng.integers(len(near))]) if near else piece


@dataclass(frozen=True)
class PhotoNoise:
    """Crops, flips and other light, by torchvision's transforms v2; the defaults leave a photo as
    it is.

    `crop` is the smallest share of the area that a random crop keeps, `flip` a probability,
    `jitter` by how much brightness, contrast and saturation are scaled at most. Photos in a batch
    share a draw by eights, in random order.
    """

    crop: float = 1.0
    flip: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        _shares(crop=self.crop, flip=self.flip, jitter=self.jitter)
        if not self.crop:
            raise ValueError("crop is a share above 0 of a photo's area, got 0")

    def __call__(self, photos: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Another shot of each photo, (b, 3, h, w) uint8 -> the same shape; the generator's state
        fixes it.
        """
        from torchvision.transforms import v2

        steps = [v2.Identity()]
        if self.crop < 1:
            size, scale = list(photos.shape[-2:]), (self.crop, 1.0)
            steps.append(v2.RandomResizedCrop(size, scale, ratio=(0.85, 1.18), antialias=True))
        if self.flip:
            steps.append(v2.RandomHorizontalFlip(self.flip))
        if self.jitter:
            steps.append(v2.ColorJitter(self.jitter, self.jitter, self.jitter))
        transform, made = v2.Compose(steps), torch.empty_like(photos)
        # in random order, so that the photos of one product do not share a draw
        order = torch.randperm(len(photos), generator=generator)
        drawn = int(torch.randint(2**62, (), generator=generator))
        with seeded(drawn):  # torchvision draws from torch's own generator
            for rows in order.split(SHARED):
                made[rows] = transform(photos[rows])
        return made


def nearest_words(
    known: Sequence[str], vectors: np.ndarray, *, k: int = 5, floor: float = 0.5
) -> dict[str, list[str]]:
    """Up to k nearest words of each by the cosine of their vectors (n, d), none below `floor`."""
    table = Embeddings("words", np.asarray(known, dtype=object), vectors)
    found = search(table, table, k, exclude=eye_array(len(known), format="csr"))
    near: dict[str, list[str]] = {}
    for word, places, cosines in zip(known, found.positions, found.scores, strict=True):
        good = places[(places >= 0) & (cosines >= floor)]
        if len(good):
            near[word] = [known[place] for place in good]
    return near


def lsa_words(
    texts: Sequence[str], *, dimensions: int = 50, least: int = 3, seed: int = 0
) -> tuple[list[str], np.ndarray]:
    """Words that occur in at least `least` texts and their vectors (n, dimensions).

    Words of the same texts are near each other.
    """
    counter = TfidfVectorizer(tokenizer=words, token_pattern=None, lowercase=False, min_df=least)
    counts = counter.fit_transform(texts)  # (texts, n)
    most = min(dimensions, *(side - 1 for side in counts.shape))
    svd = TruncatedSVD(most, random_state=seed).fit(counts)
    return counter.get_feature_names_out().tolist(), svd.components_.T * svd.singular_values_


def model_words(encoder: TextEncoder) -> tuple[list[str], np.ndarray]:
    """The whole words in a text model's vocabulary and its input vectors of them, (n, d)."""
    vocabulary = encoder.tokenizer.get_vocab()
    # neither pieces ("##ing") nor special tokens
    whole = sorted(word for word in vocabulary if words(word) == [word])
    table = encoder.model.get_input_embeddings().weight.detach().float().cpu().numpy()  # (v, d)
    return whole, table[[vocabulary[word] for word in whole]]


def _shares(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a share from 0 to 1, got {value}")
