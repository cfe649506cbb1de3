"""What happens to data in the wild, done on purpose: modalities that go missing, words that are misspelt."""

from __future__ import annotations

import hashlib
import re

import numpy as np

from lib.embeddings import Embeddings

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # of a keyboard; an error hits the key to the left or right
BESIDE = {key: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in ROWS for i, key in enumerate(row)}
LATIN = re.compile("[A-Za-z]{3,}")
ERRORS = ("swap", "drop", "double", "neighbour")


def hide(embeddings: Embeddings, share: float, *, seed: int = 0) -> Embeddings:
    """The embeddings with a random share of rows missing (zero). A row hidden at one share is hidden at all larger ones."""
    if not 0 <= share <= 1:
        raise ValueError(f"share is from 0 to 1, got {share}")
    gone = np.random.default_rng(seed).permutation(len(embeddings)) < round(share * len(embeddings))
    vectors = embeddings.vectors.copy()
    if isinstance(vectors, np.ndarray):
        vectors[gone] = 0
    else:
        vectors.data[np.repeat(gone, np.diff(vectors.indptr))] = 0
    return Embeddings(f"{embeddings.name}, {share:.0%} hidden", embeddings.ids, vectors)


def misspell(text: str, share: float, *, seed: int = 0) -> str:
    """The text with about this share of its words misspelt, one typing error each.

    Words are runs of three or more Latin letters; numbers and other scripts stay. Two letters swap places, one is left out,
    typed twice, or is that of the neighbouring key. A word misspelt at one share is so, in the same way, at all larger ones.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is from 0 to 1, got {share}")
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()  # other texts, other errors, in whatever order they come
    rng = np.random.default_rng([seed, int.from_bytes(digest)])

    def typed(word: re.Match) -> str:
        luck, kind, place, side = rng.random(4)  # drawn for every word, so that a larger share changes none
        return _mistype(word[0], ERRORS[int(4 * kind)], place, side) if luck < share else word[0]

    return LATIN.sub(typed, text)


def _mistype(word: str, error: str, place: float, side: float) -> str:
    """One error at a place and to a side that are drawn from [0, 1)."""
    if error == "swap":
        unequal = [i for i in range(len(word) - 1) if word[i] != word[i + 1]]
        if not unequal:
            return word[1:]
        i = unequal[int(place * len(unequal))]
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    i = int(place * len(word))
    if error == "neighbour":
        beside = BESIDE[word[i].lower()]
        key = beside[int(side * len(beside))]
        return word[:i] + (key.upper() if word[i].isupper() else key) + word[i + 1 :]
    return word[:i] + word[i + 1 :] if error == "drop" else word[: i + 1] + word[i:]
